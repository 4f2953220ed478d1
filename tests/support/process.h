// Runs a program to its end and keeps what it said: how tests use the tools that people use.
#pragma once

#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/clock.h"

namespace emlfs::test {

struct ProcessResult {
  int status;  // exit status, or 128 + the signal that ended it
  std::string output;
  std::string errors;
};

// Runs `command` (the program is looked up in PATH) with `input` on its standard input. A program
// that isn't done after `limit` is killed, and that is std::runtime_error, as is one that can't be
// started. Thread-safe.
ProcessResult run(const std::vector<std::string>& command, std::string_view input = {},
                  Milliseconds limit = std::chrono::minutes(2));

// The same, but any status other than 0 is std::runtime_error with what the program said; gives its
// standard output.
std::string runOrThrow(const std::vector<std::string>& command, std::string_view input = {},
                       Milliseconds limit = std::chrono::minutes(2));

// Held (shared) while a file is open whose last close matters: a program that is started in that
// moment would have it open until its exec.
std::shared_mutex& heldOpen();

}  // namespace emlfs::test
