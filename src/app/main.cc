// emlfs: the place where errors become exit codes.
#include <cstdio>

#include "app/command_line.h"
#include "app/exit_code.h"
#include "app/mount_helper.h"

using namespace emlfs::app;

int main(int argc, char** argv) {
  if (argc > 0 && isMountHelper(argv[0])) return mountHelper(argc, argv);
  try {
    return CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
    return static_cast<int>(exitCodeOf(error));
  }
}
