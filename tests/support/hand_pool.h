// A pool without connections: a test runs each job, on a session of its own, when it wants to.
#pragma once

#include <deque>
#include <utility>

#include "emlfs/imap/pool.h"

namespace emlfs::test {

class HandPool final : public imap::Pool {
 public:
  std::deque<imap::Job> jobs;

  imap::Job take() {
    imap::Job job = std::move(jobs.front());
    jobs.pop_front();
    return job;
  }
  // As a connection does it that does nothing twice. Without a session: none could be had.
  static void run(const imap::Job& job, imap::Session* session) {
    try {
      if (session == nullptr) throw Error(Code::network, Scope::connection, "away");
      job.run(*session);
    } catch (const Error& error) {
      job.failed(error);
    }
  }

  void submit(imap::Job job) override {
    jobs.insert(job.first ? jobs.begin() : jobs.end(), std::move(job));
  }
  void runAndWait(imap::Lane, const std::string&,
                  const std::function<void(imap::Session&)>&) override {}
  void hurry() override {}
  void doubt() override {}
  void forgive() override {}
  imap::PoolStatus status() const override { return {}; }
  void stop() override {}
};

}  // namespace emlfs::test
