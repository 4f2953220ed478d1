// The guides of docs/, as a test reads them: what is in their fences, in order.
#pragma once

#include <string>
#include <vector>

namespace emlfs::test {

struct Fence {
  std::string language;  // "sh", "toml", or empty
  std::string text;
  std::string not_run;  // why, from a comment "<!-- not run: ... -->" before it
  size_t line = 0;      // where it begins
};

// Of docs/NAME. Throws std::runtime_error if a fence isn't closed.
std::vector<Fence> readGuide(const std::string& name);

}  // namespace emlfs::test
