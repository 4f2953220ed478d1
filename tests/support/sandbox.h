// A home of its own in which emlfs is run by hand: what it says and how it ends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/scratch_dir.h"

namespace emlfs::test {

// HOME, configuration, cache and state are below path(), and there is no terminal to ask on. What
// is mounted below it is taken away at the end, and the test fails that left it. Not thread-safe.
class Sandbox {
 public:
  Sandbox() { std::filesystem::create_directory(mountPoint()); }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox();

  const std::string& path() const { return directory_.path(); }
  std::string operator/(const std::string& name) const { return directory_ / name; }
  std::string mountPoint() const { return directory_ / "mail"; }

  // The password goes into the environment of emlfs alone; without one, there is none.
  ProcessResult emlfs(const std::vector<std::string>& arguments,
                      const std::string& password = {}) const;
  // What a person types in a shell there, emlfs in $PATH; it stops at the first command that fails.
  ProcessResult shell(const std::string& script) const;
  // The command line of that, for tests that start it themselves.
  std::vector<std::string> shellCommand(const std::string& script) const;
  // The command line that does the same, for tests that start it themselves, with the password and
  // a line end on standard input.
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;

 private:
  ScratchDir directory_;
};

// Paths of all mounts at or below `path`.
std::vector<std::string> mountsBelow(const std::string& path);

}  // namespace emlfs::test
