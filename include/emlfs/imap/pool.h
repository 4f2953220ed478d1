// A few connections and the work for them. Each connection has a thread of its own that opens it
// when there is work, keeps it, and prefers work for the mailbox that it has selected. Thread-safe.
//
// Capacity is separate where one kind of work could shut out another: bodies leave one connection
// to listings, whatever they wait for, and those that watch for changes are woken where nothing
// else is left.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"

namespace emlfs::imap {

enum class Lane {
  listing,     // mailboxes and lists of messages: somebody waits, or will not for long
  reading,     // bodies that somebody waits for
  ahead,       // bodies that somebody will read next: leaves one connection to `reading`
  background,  // nobody waits
  watch,       // Session::listen: takes at most half of the connections, and ends when woken
};
constexpr size_t kLanes = 5;

struct Job {
  Lane lane = Lane::listing;
  std::string mailbox;  // wire name that it will select; empty: any connection will do
  // Runs on a connection's thread, holding no lock. May be run a second time, on a fresh
  // connection, if one that had been idle turns out to be dead: it must be safe to repeat.
  std::function<void(Session&)> run;
  // Instead of run's end, if it threw, or no connection could be had, or the pool stops. While the
  // server can't be reached the jobs of `background` and `watch` wait; the others fail.
  std::function<void(const Error&)> failed;
  std::string doing;   // for `emlfs status`: "reading INBOX"
  bool first = false;  // before all others of its lane
};

// For `emlfs status`: what one connection does.
struct ConnectionStatus {
  bool connected = false;
  bool working = false;
  std::string doing;
  std::string selected;
  std::string last_error;
  Milliseconds pause{0};  // until it may be opened again
};

struct PoolStatus {
  std::vector<ConnectionStatus> connections;
  std::array<size_t, kLanes> queued{};  // by Lane
  // While no connection works and the last try failed: why, since when, and how long until the
  // next one.
  std::optional<Error> offline;
  Clock::time_point offline_since{};
  Milliseconds next_try{0};
};

class Pool {
 public:
  static std::unique_ptr<Pool> create(const SessionOptions& options, unsigned connections);
  virtual ~Pool() = default;  // stops

  virtual void submit(Job job) = 0;
  // Submits and waits. Throws what run threw.
  virtual void runAndWait(Lane lane, const std::string& mailbox,
                          const std::function<void(Session&)>& run) = 0;
  // Somebody would like to have the server: a pause between tries is cut short.
  virtual void hurry() = 0;
  // What is connected may be connected to nobody. Idle connections are closed, the others once they
  // have done what they do.
  virtual void doubt() = 0;
  // The network is another one: pauses end, and what was learnt about the old one is forgotten.
  virtual void forgive() = 0;
  virtual PoolStatus status() const = 0;
  // Fails what is queued, interrupts what runs, joins the threads. Idempotent.
  virtual void stop() = 0;
};

}  // namespace emlfs::imap
