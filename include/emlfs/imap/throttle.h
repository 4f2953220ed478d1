// How many bytes the connections of an account may receive and send: a bucket that fills up evenly,
// holds what one period allows, and is emptied by what they do. It may be overdrawn, since what has
// arrived is known only then; who finds it empty waits (TcpStream does) until it is not.
// Thread-safe; nothing here waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"
#include "emlfs/imap/endpoint.h"

namespace emlfs::imap {

class Throttle {
 public:
  using Now = std::function<Clock::time_point()>;
  // `rate` is limited. `left`: what is in the bucket, less than 0 if it is overdrawn.
  Throttle(Rate rate, int64_t left, Now now = Clock::now);

  // What a thread that owns a connection is doing.
  enum class Manner {
    ordinary,
    patient,  // nobody waits for it: others go first while there is little
    at_once,  // listening for what the server says unasked: it is counted, and never waits
  };
  // Of the calling thread, as long as this lives.
  class As {
   public:
    explicit As(Manner manner);
    ~As();
    As(const As&) = delete;
    As& operator=(const As&) = delete;

   private:
    const Manner before_;
  };

  // How long the calling thread, which has waited for so long already, has to wait before it
  // receives or sends the next piece; 0: it may.
  Clock::duration due(Clock::duration waited) const;
  // As much as a piece may be, so that those who wait take turns.
  size_t piece() const { return piece_; }
  void took(uint64_t bytes);

  int64_t left() const;
  const Rate& rate() const { return rate_; }

 private:
  double refilled() const REQUIRES(mutex_);

  const Rate rate_;
  const double bytes_per_second_;
  const size_t piece_;
  const Now now_;
  mutable Mutex mutex_;
  mutable double left_ GUARDED_BY(mutex_);
  mutable Clock::time_point at_ GUARDED_BY(mutex_);
};

}  // namespace emlfs::imap
