// What a crash leaves behind: the mark that the next start of this cache begins anew, so that
// one which crashes its reader does so at most once.
//
// Which crashes mean the cache: SIGBUS does always, since it says that the disk could not give a
// page of a map, and hardly anything else is mapped here. SIGSEGV, SIGABRT, SIGFPE and SIGILL do in
// a thread that is changing a cache (InChange). Any other crash leaves no mark: whoever is offline
// would lose his mail over a fault that has nothing to do with it, and what a crash while reading
// has found (metadata; bodies have checksums) the check before the next opening finds as well.
#pragma once

#include <array>
#include <csignal>
#include <string>

namespace emlfs::store {

inline constexpr std::array kFatalSignals = {SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL};

// While it lives, such a crash makes the file `mark`. It installs handlers for the process,
// which then let go on what was there before: a sanitizer's report, or the end. They need the
// signals not to be blocked. Thread-safe.
class CrashMark {
 public:
  explicit CrashMark(const std::string& mark);
  CrashMark(const CrashMark&) = delete;
  CrashMark& operator=(const CrashMark&) = delete;
  ~CrashMark();

 private:
  size_t slot_;
};

// This thread changes a cache, for the lifetime.
class InChange {
 public:
  InChange();
  InChange(const InChange&) = delete;
  InChange& operator=(const InChange&) = delete;
  ~InChange();
};

}  // namespace emlfs::store
