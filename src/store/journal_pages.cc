#include "store/journal_pages.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "emlfs/base/error.h"
#include "store/page_format.h"

namespace emlfs::store {
namespace {

std::string readSome(int fd, uint64_t at, size_t count) {
  std::string bytes(count, '\0');
  size_t got = 0;
  while (got < count) {
    const ssize_t some = ::pread(fd, bytes.data() + got, count - got, static_cast<off_t>(at + got));
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) break;
    got += static_cast<size_t>(some);
  }
  bytes.resize(got);
  return bytes;
}

bool isPage(std::string_view bytes, uint64_t page, uint16_t kind) {
  return bytes.size() > kPageHeader && number<uint64_t>(bytes, 0) == page &&
         (number<uint16_t>(bytes, 10) & ~kDirty) == kind;
}

struct Node {
  uint32_t low = 0;
  uint16_t flags = 0;
  std::string_view key = {};
  std::string_view rest = {};  // of the page, behind the key
};

// Calls `each` with every node that lies within the page.
void nodes(std::string_view bytes, const std::function<void(const Node&)>& each) {
  const size_t lower = std::min<size_t>(number<uint16_t>(bytes, 12), bytes.size());
  for (size_t slot = kPageHeader; slot + 2 <= lower; slot += 2) {
    const size_t at = number<uint16_t>(bytes, slot);
    if (at < kPageHeader || at + kNodeHeader > bytes.size()) continue;
    Node node{.low = number<uint32_t>(bytes, at), .flags = number<uint16_t>(bytes, at + 4)};
    const size_t key = number<uint16_t>(bytes, at + 6);
    if (key > bytes.size() - at - kNodeHeader) continue;
    node.key = bytes.substr(at + kNodeHeader, key);
    node.rest = bytes.substr(at + kNodeHeader + key);
    each(node);
  }
}

// Walks the tree of free pages; false at the first doubt.
class FreeList {
 public:
  FreeList(uint64_t pages, std::function<std::string(uint64_t)> page,
           std::function<std::optional<std::string>(uint64_t, size_t)> large)
      : page_(std::move(page)), large_(std::move(large)), free_(pages) {}

  bool read(const Tree& tree) {
    if (tree.root == kNoPage) return tree.entries == 0;
    return walk(tree.root, tree.depth) && seen_ == tree.entries;
  }
  std::vector<bool> take() { return std::move(free_); }

 private:
  static constexpr unsigned kMaxDepth = 32;

  bool walk(uint64_t at, unsigned depth) {
    if (depth == 0 || depth > kMaxDepth || at < kFirstPage || at >= free_.size()) return false;
    const std::string bytes = page_(at);
    const bool leaf = depth == 1;
    if (!isPage(bytes, at, leaf ? kLeaf : kBranch)) return false;
    bool good = true;
    size_t found = 0;
    nodes(bytes, [&](const Node& node) {
      ++found;
      good = good && (leaf ? list(node) : walk(node.low | uint64_t{node.flags} << 32, depth - 1));
    });
    return good && found * 2 + kPageHeader == number<uint16_t>(bytes, 12);
  }

  bool list(const Node& node) {
    if (node.key.size() != sizeof(uint64_t)) return false;
    ++seen_;
    if ((node.flags & kBigData) == 0)
      return node.low <= node.rest.size() && mark(node.rest.substr(0, node.low));
    if (node.rest.size() < sizeof(uint64_t)) return false;
    const auto bytes = large_(number<uint64_t>(node.rest, 0), node.low);
    return bytes && mark(*bytes);
  }

  bool mark(std::string_view list) {
    if (list.size() < 8 || number<uint64_t>(list, 0) > list.size() / 8 - 1) return false;
    for (size_t i = number<uint64_t>(list, 0); i > 0; --i) {
      const auto page = number<uint64_t>(list, 8 * i);
      if (page < kFirstPage || page >= free_.size() || free_[page]) return false;
      free_[page] = true;
    }
    return true;
  }

  const std::function<std::string(uint64_t)> page_;
  const std::function<std::optional<std::string>(uint64_t, size_t)> large_;
  std::vector<bool> free_;
  uint64_t seen_ = 0;
};

}  // namespace

LoosePages::LoosePages(int fd, uint64_t map_bytes)
    : fd_(fd),
      page_bytes_(static_cast<uint32_t>(::sysconf(_SC_PAGESIZE))),
      map_pages_(map_bytes / page_bytes_) {
  struct stat file{};
  if (::fstat(fd, &file) != 0) throw systemError("looking at the journal's file", errno);
  const uint64_t bytes = std::min(static_cast<uint64_t>(file.st_size), map_bytes);
  count_ = (bytes + page_bytes_ - 1) / page_bytes_;
}

std::optional<Header> LoosePages::header(uint64_t page) const {
  const std::string bytes = readSome(fd_, page * page_bytes_, kHeaderBytes);
  if (bytes.size() < kHeaderBytes || !isPage(bytes, page, kMeta)) return std::nullopt;
  const std::string_view body = std::string_view(bytes).substr(kPageHeader);
  const std::string_view trees = body.substr(24);
  Header header{.page_bytes = number<uint32_t>(trees, 0),
                .transaction = number<uint64_t>(trees, 2 * kTreeBytes + 8),
                .last_page = number<uint64_t>(trees, 2 * kTreeBytes),
                .free = readTree(trees),
                .main = readTree(trees.substr(kTreeBytes))};
  if (number<uint32_t>(body, 0) != kMagic || number<uint32_t>(body, 4) != kVersion ||
      header.page_bytes != page_bytes_ || header.last_page < kFirstPage - 1 ||
      header.last_page >= map_pages_)
    return std::nullopt;
  return header;
}

std::string LoosePages::page(uint64_t page) const {
  std::string bytes = readSome(fd_, page * page_bytes_, page_bytes_);
  if (bytes.size() <= kPageHeader) bytes.clear();
  return bytes;
}

void LoosePages::entries(uint64_t page, const std::string& bytes,
                         const std::function<void(LooseEntry)>& each) const {
  if (!isPage(bytes, page, kLeaf)) return;
  nodes(bytes, [&](const Node& node) {
    if (node.flags == 0 && node.low <= node.rest.size())
      each({node.key, node.rest.substr(0, node.low)});
    if (node.flags != kBigData || node.rest.size() < sizeof(uint64_t)) return;
    if (const auto value = large(number<uint64_t>(node.rest, 0), node.low))
      each({node.key, *value});
  });
}

uint64_t LoosePages::largeValue(uint64_t page, std::string_view bytes) const {
  return isPage(bytes, page, kOverflow) ? number<uint32_t>(bytes, 12) : 0;
}

std::optional<std::string> LoosePages::large(uint64_t page, size_t bytes) const {
  if (page < kFirstPage || page >= count_ || bytes > (count_ - page) * page_bytes_)
    return std::nullopt;
  std::string all = readSome(fd_, page * page_bytes_, kPageHeader + bytes);
  if (all.size() < kPageHeader + bytes || !isPage(all, page, kOverflow)) return std::nullopt;
  return all.substr(kPageHeader);
}

std::optional<std::vector<bool>> LoosePages::freePages(const Header& header) const {
  FreeList list(
      header.last_page + 1, [this](uint64_t at) { return page(at); },
      [this](uint64_t at, size_t bytes) { return large(at, bytes); });
  if (!list.read(header.free)) return std::nullopt;
  return list.take();
}

}  // namespace emlfs::store
