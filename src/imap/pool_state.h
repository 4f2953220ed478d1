// What the connections of a pool do and what each does next: the rules, without threads, locks or
// waiting. The pool locks it.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "emlfs/imap/pool.h"
#include "imap/backoff.h"
#include "imap/pool_queue.h"

namespace emlfs::imap {

struct ConnectionState {
  Session* session = nullptr;  // the connection's thread owns it
  uint64_t number = 0;         // of the session, in the order in which connecting began
  bool untried = false;        // the session has neither worked nor been idle yet
  bool connecting = false;
  Clock::time_point connecting_since{};
  Clock::time_point connected_since{};
  std::optional<Lane> working;
  bool woken = false;     // while it watches: it is to end that
  bool doubtful = false;  // the session may be connected to nobody, see Pool::doubt()
  std::string doing;
  std::string selected;
  std::string last_error;

  bool idle() const { return session && !working; }
};

// What a connection's thread does next.
struct Step {
  enum Kind { stop, connect, serve, refuse, disconnect };
  Kind kind = stop;
  std::vector<QueuedJob> jobs;  // serve: one
  std::optional<Error> error;   // refuse: why these jobs fail
};

// Whether a session can't be used after this.
bool endsSession(const Error& error);

class PoolState {
 public:
  // `timeout`: how long a server may be silent.
  PoolState(unsigned connections, Milliseconds timeout)
      : connections_(connections), timeout_(timeout), random_(std::random_device{}()) {}

  // The next step of `self`, as begun. Absent: there is none until something changes, or until
  // alarm().
  std::optional<Step> next(ConnectionState& self);
  std::optional<Clock::time_point> alarm(const ConnectionState& self) const;
  // To wake from watching: what is doubted, and one where nothing else is left for work that waits.
  std::vector<Session*> sessionsToWake();

  // How a step ended. The jobs that connectFailed gives fail with its error.
  void connected(ConnectionState& self, Session* session);
  std::vector<QueuedJob> connectFailed(ConnectionState& self, const Error& error);
  // `error` absent: well. True if the job went back into the queue, for a newer session.
  bool workEnded(ConnectionState& self, const std::string& selected, QueuedJob& job,
                 const std::optional<Error>& error);

  // The server was silent: whoever has waited since then, about as long as for an answer, is not
  // made to wait for both.
  Clock::time_point overdue() const { return Clock::now() - timeout_ * 3 / 4; }

  void hurry();
  void doubt();
  void forgive();
  const Backoff& backoff() const { return backoff_; }
  const Backoff& moreBackoff() const { return more_; }
  bool connected() const { return connectedCount() > 0; }

  JobQueue queue;
  bool stopping = false;
  std::vector<ConnectionState>& connections() { return connections_; }
  const std::vector<ConnectionState>& connections() const { return connections_; }

 private:
  std::optional<QueuedJob> take(ConnectionState& self);
  std::optional<Step> refusals();
  std::optional<Milliseconds> connectingWait() const;
  bool mayConnect() const;
  bool mayConnectFirst() const;
  ConnectionState* watcherInTheWay();
  size_t usable() const;
  size_t working(Lane lane) const;
  size_t bodyRoom() const;
  size_t bodiesMost() const;
  size_t bodiesRunning() const;
  size_t aheadRoom() const;
  size_t waitingBodies() const;
  size_t watchRoom() const;
  size_t idleCount() const;
  size_t connectedCount() const;
  size_t connectingCount() const;
  std::optional<Clock::time_point> lastConnecting() const;
  size_t provenCount() const;  // of those connected, that have been of use
  double jitter() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  std::vector<ConnectionState> connections_;
  const Milliseconds timeout_;
  Backoff backoff_;               // while no connection works
  Backoff more_;                  // of further connections, while one works
  std::optional<Error> silence_;  // the end of a session, if no other was of use since then
  uint64_t sessions_ = 0;
  std::minstd_rand random_;
};

}  // namespace emlfs::imap
