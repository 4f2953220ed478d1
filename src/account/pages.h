// Long lists as extended attributes, which hold 64 KiB: page by page. No page costs more than what
// is on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace emlfs {

class Page {
 public:
  // More entries than this are on no page.
  static constexpr size_t kMost = 1'000;

  // `json` holds what isn't paged, and the lists, which may be empty.
  explicit Page(nlohmann::json json) : json_(std::move(json)) {}

  // To this list. False if the page is full; then the next one begins after the last one that was
  // added. Keys grow.
  bool add(const char* list, nlohmann::json entry, uint64_t key) {
    bytes_ += entry.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).size() + 1;
    full_ = entries_ > 0 && (bytes_ > kRoom || entries_ == kMost);
    if (full_) return false;
    ++entries_;
    last_ = key;
    json_[list].push_back(std::move(entry));
    return true;
  }
  bool full() const { return full_; }

  // With `version` and, if it goes on, `next`: where.
  std::string take() {
    json_["version"] = 1;
    if (full_) json_["next"] = last_;
    return json_.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }

 private:
  static constexpr size_t kRoom = size_t{40} << 10;  // what isn't paged takes little
  nlohmann::json json_;
  size_t bytes_ = 0;
  size_t entries_ = 0;
  uint64_t last_ = 0;
  bool full_ = false;
};

}  // namespace emlfs
