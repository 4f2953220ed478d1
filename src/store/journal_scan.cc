#include "store/journal_scan.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "emlfs/base/bytes.h"
#include "emlfs/base/file.h"
#include "store/journal_pages.h"
#include "store/journal_tables.h"

namespace emlfs::store {
namespace {

constexpr uint64_t kFirstPage = 2;

// Without the checksum, if it is right.
std::optional<std::string_view> checked(const Table& table, const LooseEntry& entry) {
  if (entry.value.size() < kChecksumBytes) return std::nullopt;
  const auto payload = entry.value.substr(0, entry.value.size() - kChecksumBytes);
  uint64_t sum = 0;
  std::memcpy(&sum, entry.value.data() + payload.size(), sizeof sum);
  if (sum != checksum(table, entry.key, payload)) return std::nullopt;
  return payload;
}

void keepLatest(JournalEntries& entries, std::string_view key, std::string_view value) {
  const auto at = entries.find(key);
  if (at == entries.end())
    entries.emplace(key, value);
  else if (stampOf(at->second) < stampOf(value))
    at->second = value;
}

// A header, its view, and which pages are part of it.
struct Part {
  Header header;
  std::vector<bool> free = {};
  uint64_t covered_to = 0;  // up to here pages belong to a large value
  JournalView view = {};

  bool has(uint64_t page) const {
    return page >= covered_to && page <= header.last_page && (page >= free.size() || !free[page]);
  }
};

class Scanner {
 public:
  explicit Scanner(int fd) : pages_(fd, kJournalMapBytes) {
    for (const uint64_t page : {0U, 1U}) {
      const auto header = pages_.header(page);
      if (!header) continue;
      Part part{.header = *header};
      part.view.transaction = header->transaction;
      if (auto free = pages_.freePages(*header)) {
        part.free = std::move(*free);
        part.view.free_known = true;
      }
      parts_.push_back(std::move(part));
    }
    std::ranges::sort(parts_, std::greater{}, [](const Part& p) { return p.header.transaction; });
  }

  JournalScan run() {
    for (uint64_t page = kFirstPage; page < pages_.count(); ++page) look(page);
    for (Part& part : parts_) {
      part.view.exact = isExact(part.header, part.view);
      scan_.views.push_back(std::move(part.view));
    }
    return std::move(scan_);
  }

 private:
  void look(uint64_t page) {
    const std::string bytes = pages_.page(page);
    if (bytes.empty()) return;
    std::vector<JournalView*> of = {&scan_.anywhere};
    const uint64_t large = pages_.largeValue(page, bytes);
    for (Part& part : parts_) {
      if (!part.has(page)) continue;
      of.push_back(&part.view);
      if (large > 0) part.covered_to = page + large;
    }
    pages_.entries(page, bytes, [&](const LooseEntry& entry) { file(entry, of); });
  }

  void file(const LooseEntry& entry, const std::vector<JournalView*>& of) {
    if (const auto value = checked(tables_.changes, entry)) {
      for (JournalView* view : of) keepLatest(view->changes, entry.key, *value);
      scan_.latest = std::max(scan_.latest, stampOf(*value));
    } else if (const auto name = checked(tables_.names, entry)) {
      for (JournalView* view : of) keepLatest(view->names, entry.key, *name);
      scan_.latest = std::max(scan_.latest, stampOf(*name));
    } else if (const auto meta = checked(tables_.meta, entry)) {
      if (entry.key == kFormatKey)
        scan_.format = std::max(scan_.format, ByteReader(recordOf(*meta)).u32());
      if (entry.key == kStateKey) fileState(decodeJournalState(recordOf(*meta)), of);
    }
  }

  void fileState(const JournalState& state, const std::vector<JournalView*>& of) {
    for (JournalView* view : of)
      if (!view->state || view->state->transaction < state.transaction) view->state = state;
    scan_.latest = std::max(scan_.latest, state.transaction);
  }

  // Notes in the view whether a record is of a later emlfs.
  bool isExact(const Header& header, JournalView& view) const {
    if (header.transaction == 0) return header.main.root == ~uint64_t{0};
    if (!view.free_known || !view.state) return false;
    const auto decodes = [&](const auto& decode) {
      try {
        decode();
      } catch (const Error& error) {
        if (error.code != Code::invalid) return false;
        view.later = true;
      }
      return true;
    };
    uint64_t digest = 0;
    for (const auto& [key, value] : view.changes) {
      if (!decodes([&] { decodeChange(changeNumber(key), recordOf(value)); })) return false;
      digest += checksum(tables_.changes, key, value);
    }
    for (const auto& [key, value] : view.names) {
      if (!decodes([&] { decodeGivenName(recordOf(value)); })) return false;
      digest += checksum(tables_.names, key, value);
    }
    return view.state->transaction == view.transaction && view.state->digest == digest &&
           view.state->changes == view.changes.size();
  }

  const LoosePages pages_;
  const JournalTables tables_;
  std::vector<Part> parts_;
  JournalScan scan_;
};

}  // namespace

JournalScan scanJournal(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw systemError("opening " + path, errno);
  return Scanner(fd.get()).run();
}

}  // namespace emlfs::store
