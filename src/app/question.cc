#include "app/question.h"

#include <unistd.h>
#include <cstdio>

#include <array>

#include "app/failure.h"

namespace emlfs::app {

bool agrees(const std::string& question, const std::string& without) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) throw badInput(without);
  ::fprintf(stderr, "%s [y/N] ", question.c_str());
  ::fflush(stderr);
  std::array<char, 64> line{};
  if (std::fgets(line.data(), line.size(), stdin) == nullptr) return false;
  return line[0] == 'y' || line[0] == 'Y';
}

}  // namespace emlfs::app
