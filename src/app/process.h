// Runs other programs: the password command, fusermount3.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "emlfs/base/secret.h"

namespace emlfs::app {

enum class Capture { standard_output, standard_error };

// Of processes: in one of its own it can be ended with all that it has started; in ours it has the
// terminal, and ^C, as we have them.
enum class Group { own, ours };

struct Finished {
  int status = 0;  // as waitpid(2) gives it
  Secret output;   // of the stream that is captured, at most 64 KiB
  // The end of what it wrote to standard error, if only its output is captured and ours is no
  // terminal, which would show it.
  std::string complaint;

  bool succeeded() const { return status == 0; }
};

// Runs argv[0], found in $PATH, and waits for its end; the other streams are ours, and the terminal
// is its own meanwhile if only its output is captured: it may ask there. Not waited for: what it
// leaves running behind. Throws Error(timeout) and Error(cancelled, connection), once `interrupt`
// is signalled, after killing it and all that it has started; Error(limit) for more output
// (what is too much on standard error is dropped), Error(system) if it can't be started.
Finished run(const std::vector<std::string>& argv, Milliseconds limit, Capture capture,
             const Event* interrupt = nullptr, Group group = Group::own);

// "exit status 3", "signal 9 (Killed)".
std::string describeStatus(int status);

// Refers to a process, readable in poll(2) when it has ended. Without a descriptor if there is no
// such process. Throws Error(system).
Fd openProcess(pid_t pid);

// The name of the program that a process runs, cut to 15 bytes; empty if there is none.
std::string programName(pid_t pid);

// Nothing happens if it has ended.
void sendSignal(const Fd& process, int number);

// True once the process has ended, false at the deadline.
bool waitForEnd(const Fd& process, const Deadline& deadline);

}  // namespace emlfs::app
