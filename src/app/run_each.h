// The same command for several accounts or mounts at once, in a process each, so that none of them
// waits for another.
#pragma once

#include <string>
#include <vector>

namespace emlfs::app {

struct Task {
  std::string name;                    // put before what it says
  std::vector<std::string> arguments;  // of emlfs
};

// Path of the program that runs.
std::string ownProgram();

// A line that a task has said, as it is to be shown: "emlfs: NAME: ...".
std::string saidBy(const std::string& name, std::string_view line);

// Runs them all and waits for their ends. What they say on standard error is said here, in the
// order of the tasks. Returns the exit code of the first that failed; 0 if none did.
int runEach(const std::vector<Task>& tasks);

}  // namespace emlfs::app
