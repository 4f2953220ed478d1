// A few connections and the work for them. Each connection has a thread of its own that opens it
// when there is work, keeps it, and prefers work for the mailbox that it has selected. One is kept
// free for what a person waits for. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"

namespace emlfs::imap {

enum class Lane {
  foreground,  // somebody waits
  background,  // refresh, read-ahead: never takes the last connection
};

struct Job {
  Lane lane = Lane::foreground;
  std::string mailbox;  // wire name that it will select; empty: any connection will do
  // Runs on a connection's thread, holding no lock. May be run a second time, on a fresh
  // connection, if one that had been idle turns out to be dead: it must be safe to repeat.
  std::function<void(Session&)> run;
  // Instead of run's end, if it threw, or no connection could be had, or the pool stops.
  std::function<void(const Error&)> failed;
};

// For `emlfs status`: what one connection does.
struct ConnectionStatus {
  bool connected = false;
  bool working = false;
  std::string selected;
  std::string last_error;
};

class Pool {
 public:
  static std::unique_ptr<Pool> create(const SessionOptions& options, unsigned connections);
  virtual ~Pool() = default;  // stops

  virtual void submit(Job job) = 0;
  // Submits and waits. Throws what run threw.
  virtual void runAndWait(Lane lane, const std::string& mailbox,
                          const std::function<void(Session&)>& run) = 0;
  virtual std::vector<ConnectionStatus> connections() const = 0;
  virtual size_t queued() const = 0;
  // Fails what is queued, interrupts what runs, joins the threads. Idempotent.
  virtual void stop() = 0;
};

}  // namespace emlfs::imap
