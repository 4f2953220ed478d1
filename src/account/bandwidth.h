// What the option `bandwidth` leaves of its period survives the mount, or umount and mount would
// double it: a small file in `state_dir` says what was left, and when. One that is lost, or can't
// be written, costs no more than that. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "emlfs/base/mutex.h"
#include "emlfs/imap/throttle.h"

namespace emlfs {

// What was left of how much, and when that was: milliseconds since 1970.
struct LeftOver {
  double bytes = 0;
  int64_t at = 0;
  double of = 0;  // a period's bytes; 0: unknown
};

// As much of another limit.
LeftOver scaled(const LeftOver& left, const imap::Rate& rate);

// By now. A clock that was set back counts as one that stood still.
double refilled(const LeftOver& before, const imap::Rate& rate, int64_t now);

std::string leftOverText(const LeftOver& left);
std::optional<LeftOver> parseLeftOver(const std::string& text);

class Bandwidth {
 public:
  Bandwidth(const imap::Rate& rate, const std::string& state_dir);

  // Absent: there is no limit.
  imap::Throttle* throttle() { return throttle_ ? &*throttle_ : nullptr; }
  const imap::Throttle* throttle() const { return throttle_ ? &*throttle_ : nullptr; }

  // Now and then: writes it down if much has been used since it was last.
  void note();
  void save();

 private:
  void write(const LeftOver& left) REQUIRES(mutex_);

  const std::string path_;
  Mutex mutex_;
  LeftOver saved_ GUARDED_BY(mutex_);
  std::optional<imap::Throttle> throttle_;
};

}  // namespace emlfs
