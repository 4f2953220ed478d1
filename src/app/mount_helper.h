// mount.emlfs: what mount(8) starts for file systems of type emlfs, from the command line, fstab or
// autofs. It is emlfs itself, called by this name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace emlfs::app {

// Whether a program that was started as `name` (argv[0]) is to be the helper.
bool isMountHelper(std::string_view name);

struct MountHelperCall {
  std::string source;
  std::string mount_point;
  std::vector<std::string> options;  // the values of -o
  std::string user;                  // setuid=USER; empty: who calls
  std::string mount_namespace;       // a path; empty: the caller's
  bool check_only = false;           // -f
  std::vector<std::string> notices;
};

// The arguments behind the program's name: SOURCE DIR [-sfnv] [-N namespace] [-t type.subtype]
// [-o options]. With -s, unknown options become notices. Throws Error(invalid).
MountHelperCall parseMountHelperCall(const std::vector<std::string>& arguments);

// Mounts. Gives the exit codes of mount(8), says on standard error what went wrong.
int mountHelper(int argc, char** argv);

}  // namespace emlfs::app
