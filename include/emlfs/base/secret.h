// A password or token: wiped when it goes, never printed. Not thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace emlfs {

// Overwrites the bytes so that the compiler can't leave it out, then empties the string.
void wipe(std::string& text) noexcept;

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { wipe(text_); }

  // For the moment of use only: don't copy what it shows.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace emlfs
