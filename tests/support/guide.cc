#include "support/guide.h"

#include <sstream>
#include <stdexcept>

#include "emlfs/base/file.h"
#include "support/paths.h"

namespace emlfs::test {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kNotRun = "<!-- not run: ";
constexpr std::string_view kEnd = " -->";

}  // namespace

std::vector<Fence> readGuide(const std::string& name) {
  std::istringstream lines(readFile(std::string(kSourceDirectory) + "/docs/" + name));
  std::vector<Fence> fences;
  std::string not_run;
  size_t number = 0;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (inside && line == kFence) {
      inside = false;
    } else if (inside) {
      fences.back().text += line + "\n";
    } else if (line.starts_with(kFence)) {
      inside = true;
      fences.push_back({line.substr(kFence.size()), "", std::exchange(not_run, {}), number});
    } else if (line.starts_with(kNotRun) && line.ends_with(kEnd)) {
      not_run = line.substr(kNotRun.size(), line.size() - kNotRun.size() - kEnd.size());
    }
  }
  if (inside) throw std::runtime_error(name + ": a fence isn't closed");
  return fences;
}

}  // namespace emlfs::test
