// Long lists as extended attributes, which hold 64 KiB: page by page.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace emlfs {

class Page {
 public:
  // False if it is full; then the next page begins after the last one that was added.
  bool add(nlohmann::json entry, uint64_t key) {
    bytes_ += entry.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).size() + 1;
    if (bytes_ > kRoom && !entries_.empty()) {
      more_ = true;
      return false;
    }
    last_ = key;
    entries_.push_back(std::move(entry));
    return true;
  }

  // With `version`, the list as `name`, and, if it goes on, `next`: where.
  std::string take(const char* name, nlohmann::json rest) {
    rest["version"] = 1;
    rest[name] = std::move(entries_);
    if (more_) rest["next"] = last_;
    return rest.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }

 private:
  static constexpr size_t kRoom = size_t{40} << 10;  // the rest may take as much again
  nlohmann::json entries_ = nlohmann::json::array();
  size_t bytes_ = 0;
  uint64_t last_ = 0;
  bool more_ = false;
};

}  // namespace emlfs
