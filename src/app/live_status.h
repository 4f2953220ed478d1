// Asking a mount about itself: the extended attribute user.emlfs.status of its root.
#pragma once

#include <optional>
#include <string>

#include "emlfs/base/clock.h"

namespace emlfs::app {

enum class Answer {
  given,
  dead,     // the daemon is gone
  silent,   // it doesn't answer in time
  refused,  // the mount isn't ours to look into, or isn't emlfs: see error_number
};

struct LiveStatus {
  Answer answer = Answer::silent;
  std::string json;
  int error_number = 0;
};

// A daemon that hangs can't make the caller hang: a child process asks. Throws Error(system).
LiveStatus askMount(const std::string& mount_point, Milliseconds limit);

// The mount that a command is about.
struct NamedMount {
  std::string mount_point;  // without symbolic links
  std::string name;         // for a person: as it was written, if that is the mount point
  bool inside = false;      // what was written is in it
};

// The emlfs mount at `word`, or of the account that is called so, or which the path is in. Throws
// Error(invalid) if there is none.
NamedMount mountAround(const std::string& word);

// The same, without symbolic links. Throws Error(invalid) if there is none, also where `word` is in
// one.
std::string requireEmlfsMount(const std::string& word);

// For commands that ask a daemon more than its status: one that hangs makes none of them hang.
// Throws Error(timeout).
void requireAnswer(const NamedMount& mount);

}  // namespace emlfs::app
