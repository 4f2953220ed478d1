#include "store/pages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "store/page_format.h"

namespace emlfs::store {
namespace {

constexpr uint16_t kIntegerKey = 0x08;
constexpr uint16_t kEnvironmentFlags = 0x4000;  // NOSUBDIR, kept beside the flags of the free tree
constexpr size_t kMaxDepth = 32;

template <class... Args>
[[noreturn]] void damaged(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(Code::damaged, Scope::account, fmt::format(format, std::forward<Args>(args)...));
}

std::string readAt(int fd, uint64_t at, size_t count) {
  std::string bytes(count, '\0');
  for (size_t got = 0; got < count;) {
    ssize_t some = ::pread(fd, bytes.data() + got, count - got, static_cast<off_t>(at + got));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0)
      damaged("{}", systemError(fmt::format("byte {} can't be read", at), errno).what());
    if (some == 0) damaged("the file ends within its data, at byte {}", at + got);
    got += static_cast<size_t>(some);
  }
  return bytes;
}

Header readHeaderPage(int fd, uint64_t page, uint32_t page_bytes, uint64_t map_bytes) {
  std::string bytes = readAt(fd, page * page_bytes, kHeaderBytes);
  std::string_view body = std::string_view(bytes).substr(kPageHeader);
  if (number<uint64_t>(bytes, 0) != page || number<uint16_t>(bytes, 10) != kMeta ||
      number<uint32_t>(body, 0) != kMagic || number<uint32_t>(body, 4) != kVersion)
    damaged("header {} is none", page);
  std::string_view trees = body.substr(24);
  Header header{.page_bytes = number<uint32_t>(trees, 0),
                .transaction = number<uint64_t>(trees, 2 * kTreeBytes + 8),
                .last_page = number<uint64_t>(trees, 2 * kTreeBytes),
                .free = readTree(trees),
                .main = readTree(trees.substr(kTreeBytes))};
  if (header.page_bytes != page_bytes) damaged("header {} has another page size", page);
  if (header.last_page < kFirstPage - 1 || header.last_page >= map_bytes / page_bytes)
    damaged("header {} speaks of {} pages", page, header.last_page);
  if (header.free.flags != (kIntegerKey | kEnvironmentFlags) || header.main.flags != 0)
    damaged("header {} has unknown flags", page);
  return header;
}

// A key as it lies in a page; the free tree's are numbers.
bool less(std::string_view left, std::string_view right, bool numbers) {
  if (numbers) return number<uint64_t>(left, 0) < number<uint64_t>(right, 0);
  return left < right;
}

// Whether a page begins the pages of a large value of so many bytes.
bool isOverflow(std::string_view page, uint64_t at, size_t bytes, size_t page_bytes) {
  return number<uint64_t>(page, 0) == at && number<uint16_t>(page, 10) == kOverflow &&
         number<uint32_t>(page, 12) == (kPageHeader - 1 + bytes) / page_bytes + 1;
}

struct Node {
  uint32_t low = 0;  // the data's size, or the lower part of a page number
  uint16_t flags = 0;
  std::string_view key;
  std::string_view data;  // what lies in the page
};

class PageCheck {
 public:
  PageCheck(int fd, const Header& header) : fd_(fd), header_(header), used_(header.last_page + 1) {
    struct stat file;
    if (::fstat(fd, &file) != 0) throw systemError("looking at the store's file", errno);
    file_pages_ = static_cast<uint64_t>(file.st_size) / header.page_bytes;
  }

  void run() {
    check(header_.free, Kind::free);
    check(header_.main, Kind::main);
    for (const Tree& table : tables_) check(table, Kind::table);
    for (uint64_t page : free_) take(page, 1);
  }

 private:
  enum class Kind { free, main, table };
  using Bound = std::optional<std::string_view>;

  void take(uint64_t page, uint64_t count) {
    if (page < kFirstPage || page > header_.last_page || count > header_.last_page + 1 - page)
      damaged("page {} is outside of the store", page);
    for (uint64_t end = page + count; page < end; ++page) {
      if (used_[page]) damaged("page {} is used twice", page);
      used_[page] = true;
    }
  }

  void check(const Tree& tree, Kind kind) {
    seen_ = {};
    if (kind == Kind::table && tree.flags != 0) damaged("a table has unknown flags");
    if (tree.root != kNoPage) {
      if (tree.depth == 0 || tree.depth > kMaxDepth) damaged("a tree is {} deep", tree.depth);
      walk(tree.root, tree.depth, {}, {}, kind);
    } else if (tree.depth != 0) {
      damaged("a tree without a root is {} deep", tree.depth);
    }
    if (seen_.branch_pages != tree.branch_pages || seen_.leaf_pages != tree.leaf_pages ||
        seen_.overflow_pages != tree.overflow_pages || seen_.entries != tree.entries)
      damaged("a tree holds {} entries instead of {}, or its pages are too many or too few",
              seen_.entries, tree.entries);
  }

  void walk(uint64_t page, size_t depth, Bound from, Bound to, Kind kind) {
    take(page, 1);
    const std::string bytes = readAt(fd_, page * header_.page_bytes, header_.page_bytes);
    const bool leaf = depth == 1;
    const uint16_t lower = number<uint16_t>(bytes, 12);
    const uint16_t upper = number<uint16_t>(bytes, 14);
    if (number<uint64_t>(bytes, 0) != page ||
        (number<uint16_t>(bytes, 10) & ~kDirty) != (leaf ? kLeaf : kBranch) ||
        lower <= kPageHeader || lower % 2 != 0 || lower > upper || upper > bytes.size())
      damaged("page {} has a wrong header", page);
    ++(leaf ? seen_.leaf_pages : seen_.branch_pages);

    const size_t count = (lower - kPageHeader) / 2;
    size_t filled = 0;
    std::vector<Node> nodes;
    for (size_t i = 0; i < count; ++i) {
      Node node = readNode(bytes, page, i, leaf);
      size_t size = kNodeHeader + node.key.size() + node.data.size();
      filled += size + size % 2;
      bool bounded = leaf || i > 0;  // the first key of a branch page stands for anything smaller
      if (bounded) checkKey(node.key, page, from, to, kind);
      if (i > (leaf ? 0U : 1U) && !less(nodes.back().key, node.key, kind == Kind::free))
        damaged("page {} is out of order", page);
      nodes.push_back(node);
    }
    if (filled != bytes.size() - upper) damaged("page {} holds less or more than it says", page);
    for (size_t i = 0; i < count; ++i) {
      if (leaf) {
        value(nodes[i], page, kind);
      } else {
        walk(nodes[i].low | uint64_t{nodes[i].flags} << 32, depth - 1,
             i == 0 ? from : Bound(nodes[i].key), i + 1 == count ? to : Bound(nodes[i + 1].key),
             kind);
      }
    }
  }

  static Node readNode(std::string_view bytes, uint64_t page, size_t index, bool leaf) {
    const size_t upper = number<uint16_t>(bytes, 14);
    const size_t at = number<uint16_t>(bytes, kPageHeader + 2 * index);
    if (at < upper || at + kNodeHeader > bytes.size()) damaged("page {} points outside", page);
    Node node;
    node.low = number<uint32_t>(bytes, at);
    node.flags = number<uint16_t>(bytes, at + 4);
    const size_t key = number<uint16_t>(bytes, at + 6);
    size_t data = 0;
    if (leaf) data = (node.flags & kBigData) != 0 ? sizeof(uint64_t) : node.low;
    if (key + data > bytes.size() - at - kNodeHeader) damaged("page {} points outside", page);
    node.key = bytes.substr(at + kNodeHeader, key);
    node.data = bytes.substr(at + kNodeHeader + key, data);
    return node;
  }

  static void checkKey(std::string_view key, uint64_t page, Bound from, Bound to, Kind kind) {
    const bool numbers = kind == Kind::free;
    if (key.empty() || (numbers && key.size() != sizeof(uint64_t)))
      damaged("page {} has a malformed key", page);
    if ((from && less(key, *from, numbers)) || (to && !less(key, *to, numbers)))
      damaged("page {} has a key that belongs to another", page);
  }

  void value(const Node& node, uint64_t page, Kind kind) {
    ++seen_.entries;
    const bool table = kind == Kind::main;
    if ((node.flags & ~(table ? kSubTree : kBigData)) != 0 || (table && node.flags == 0))
      damaged("page {} has a value of an unknown kind", page);
    if (table) {
      if (node.data.size() != kTreeBytes) damaged("page {} has a malformed table", page);
      tables_.push_back(readTree(node.data));
      return;
    }
    uint64_t first = 0;
    if ((node.flags & kBigData) != 0) {
      first = number<uint64_t>(node.data, 0);
      const uint64_t pages = (kPageHeader - 1 + node.low) / header_.page_bytes + 1;
      take(first, pages);
      if (first + pages > file_pages_) damaged("the file lacks page {}", first);
      seen_.overflow_pages += pages;
    }
    if (kind != Kind::free) return;
    if (first == 0) return freePages(node.data);
    const std::string large = readAt(fd_, first * header_.page_bytes, kPageHeader + node.low);
    if (!isOverflow(large, first, node.low, header_.page_bytes))
      damaged("page {} has a wrong header", first);
    freePages(std::string_view(large).substr(kPageHeader));
  }

  void freePages(std::string_view list) {
    if (list.size() < 8 || number<uint64_t>(list, 0) > list.size() / 8 - 1)
      damaged("a list of free pages is malformed");
    for (uint64_t i = number<uint64_t>(list, 0); i > 0; --i)
      free_.push_back(number<uint64_t>(list, 8 * i));
  }

  const int fd_;
  const Header header_;
  uint64_t file_pages_ = 0;
  std::vector<bool> used_;
  std::vector<Tree> tables_;
  std::vector<uint64_t> free_;
  Tree seen_;
};

}  // namespace

namespace {

Header readHeaderOnce(int fd, uint64_t map_bytes) {
  const auto page_bytes = number<uint32_t>(readAt(fd, 0, kHeaderBytes), kPageHeader + 24);
  if (page_bytes != static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)))
    damaged("the pages are not this machine's");
  const Header even = readHeaderPage(fd, 0, page_bytes, map_bytes);
  const Header odd = readHeaderPage(fd, 1, page_bytes, map_bytes);
  const Header& newest = odd.transaction > even.transaction ? odd : even;
  const Header& other = &newest == &even ? odd : even;
  // The two are written in turn.
  const bool turns = newest.transaction % 2 == (&newest == &odd ? 1 : 0) &&
                     newest.transaction - other.transaction == 1;
  const bool first = newest.transaction == 0 && newest.main.root == kNoPage;
  if (!turns && !first) damaged("the headers don't belong together");
  return newest;
}

}  // namespace

Header readHeader(int fd, uint64_t map_bytes) {
  constexpr int kTries = 5;
  for (int left = kTries;; --left) {
    try {
      return readHeaderOnce(fd, map_bytes);
    } catch (const Error&) {
      if (left == 1) throw;  // before that, a commit of another process may have come in between
    }
  }
}

void checkPages(int fd, const Header& header) {
  PageCheck(fd, header).run();
}

void checkClosedFile(const std::string& path, uint64_t map_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return;
  struct stat file;
  if (!fd || ::fstat(fd.get(), &file) != 0) throw systemError("opening " + path, errno);
  if (file.st_size == 0) return;
  checkPages(fd.get(), readHeader(fd.get(), map_bytes));
}

const char* mapBegin(std::string_view in_leaf) {
  const auto page_bytes = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const char* page = in_leaf.data() - reinterpret_cast<uintptr_t>(in_leaf.data()) % page_bytes;
  return page - number<uint64_t>({page, kPageHeader}, 0) * page_bytes;
}

bool soundPlace(std::string_view stored, std::string_view map) {
  const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto at = reinterpret_cast<uintptr_t>(stored.data()) -
                  reinterpret_cast<uintptr_t>(map.data());  // wraps for what lies before
  if (at >= map.size() || at % page_bytes != kPageHeader) return true;
  return isOverflow({stored.data() - kPageHeader, kPageHeader}, at / page_bytes, stored.size(),
                    page_bytes);
}

}  // namespace emlfs::store
