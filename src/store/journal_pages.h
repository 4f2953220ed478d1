// The pages of an LMDB file as they lie there, for what has to get along with damaged ones: nothing
// here believes a page more than it can prove, and nothing throws for what is wrong in it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/pages.h"

namespace emlfs::store {

// An entry of a leaf page.
struct LooseEntry {
  std::string_view key;
  std::string_view value;  // as stored, with its checksum
};

class LoosePages {
 public:
  // Does not own the descriptor. `map_bytes` bounds what is believed to be a page.
  LoosePages(int fd, uint64_t map_bytes);

  uint64_t count() const { return count_; }
  std::optional<Header> header(uint64_t page) const;  // 0 or 1
  // Empty if it can't be read.
  std::string page(uint64_t page) const;
  // What a leaf page holds, large values included; nothing if it is none.
  void entries(uint64_t page, const std::string& bytes,
               const std::function<void(LooseEntry)>& each) const;
  // How many pages a large value takes that begins here; 0 if none does.
  uint64_t largeValue(uint64_t page, std::string_view bytes) const;
  // Marks those that are free by this header. Absent if the list is damaged.
  std::optional<std::vector<bool>> freePages(const Header& header) const;

 private:
  std::optional<std::string> large(uint64_t page, size_t bytes) const;

  int fd_;
  uint32_t page_bytes_;
  uint64_t map_pages_;
  uint64_t count_ = 0;
};

}  // namespace emlfs::store
