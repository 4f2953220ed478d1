#include "emlfs/imap/pool.h"

#include <algorithm>
#include <thread>

#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "emlfs/base/mutex.h"
#include "emlfs/base/thread.h"
#include "emlfs/imap/throttle.h"
#include "imap/pool_internal.h"
#include "imap/pool_state.h"

namespace emlfs::imap {
namespace {

Error stopped() {
  return {Code::cancelled, Scope::account, "the account is being closed"};
}

// Runs `action`; gives what it threw, as an Error.
template <class Action>
std::optional<Error> errorOf(const Action& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(Code::system, Scope::account, error.what());
  }
}

void fail(const QueuedJob& job, const Error& error) {
  if (!job.job.failed) return;
  if (const auto second = errorOf([&] { job.job.failed(error); })) {
    log::error("a failure could not be reported: {}", second->what());
  }
}

// Copies of an Error share their text, with a count that libstdc++ keeps in its library, where
// ThreadSanitizer can't see it. What another thread gets has a text of its own.
Error withOwnText(const Error& error) {
  return {error.code, error.scope, std::string(error.what()), error.server};
}

// Where runAndWait waits. Shared: the connection's thread may still be in end() when the caller
// goes on.
class Waiter {
 public:
  void end(std::optional<Error> error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
    ended_ = true;
    changed_.notify_all();
  }
  std::optional<Error> wait() {
    MutexLock lock(mutex_);
    while (!ended_) changed_.wait(lock);
    return std::move(error_);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

class ThreadPool : public Pool {
 public:
  ThreadPool(const SessionOptions& options, unsigned connections, SessionOpener open)
      : options_(options),
        open_(std::move(open)),
        state_(connections, options.endpoint.timeout),
        interrupts_(connections) {
    for (size_t i = 0; i < connections; ++i) {
      threads_.push_back(startThread("connection", [this, i] { run(i); }));
    }
  }
  ~ThreadPool() override { stopThreads(); }

  void submit(Job job) override { enqueue({.job = std::move(job), .done = {}}); }
  void runAndWait(Lane lane, const std::string& mailbox,
                  const std::function<void(Session&)>& run) override;
  void hurry() override;
  void doubt() override;
  void forgive() override;
  PoolStatus status() const override;
  void stop() override { stopThreads(); }

 private:
  void enqueue(QueuedJob queued);
  void run(size_t self);
  Step nextStep(size_t self);
  // To be called after every change of the state.
  void changed() REQUIRES(mutex_);
  std::unique_ptr<Session> connect(size_t self);
  void serve(size_t self, std::unique_ptr<Session>& session, QueuedJob job);
  void stopThreads();

  const SessionOptions options_;
  const SessionOpener open_;
  mutable Mutex mutex_;
  Condition changed_;
  PoolState state_ GUARDED_BY(mutex_);
  std::vector<Event> interrupts_;  // one a connection
  std::vector<std::thread> threads_;
  std::once_flag stopped_;
};

void ThreadPool::enqueue(QueuedJob queued) {
  {
    MutexLock lock(mutex_);
    if (!state_.stopping) {
      state_.queue.push(std::move(queued));
      changed();
      return;
    }
  }
  fail(queued, stopped());
}

void ThreadPool::changed() {
  for (Session* const watching : state_.sessionsToWake()) watching->wake();
  changed_.notify_all();
}

void ThreadPool::runAndWait(Lane lane, const std::string& mailbox,
                            const std::function<void(Session&)>& run) {
  auto waiter = std::make_shared<Waiter>();
  Job job{lane, mailbox, run, [waiter](const Error& error) { waiter->end(withOwnText(error)); },
          "starting"};
  enqueue({.job = std::move(job), .done = [waiter] { waiter->end({}); }});
  if (const std::optional<Error> error = waiter->wait()) throw withOwnText(*error);
}

void ThreadPool::hurry() {
  MutexLock lock(mutex_);
  state_.hurry();
  changed();
}

void ThreadPool::doubt() {
  MutexLock lock(mutex_);
  state_.doubt();
  changed();
}

void ThreadPool::forgive() {
  MutexLock lock(mutex_);
  state_.forgive();
  changed();
}

PoolStatus ThreadPool::status() const {
  const Clock::time_point now = Clock::now();
  const auto left = [now](const Backoff& backoff) {
    return backoff.pausing(now) ? std::chrono::duration_cast<Milliseconds>(backoff.until() - now)
                                : Milliseconds{0};
  };
  MutexLock lock(mutex_);
  PoolStatus status;
  for (const ConnectionState& each : state_.connections()) {
    status.connections.push_back({each.session != nullptr, each.working.has_value(), each.doing,
                                  each.selected, each.last_error,
                                  each.session ? Milliseconds{0} : left(state_.moreBackoff())});
  }
  for (size_t lane = 0; lane < kLanes; ++lane)
    status.queued[lane] = state_.queue.size(static_cast<Lane>(lane));
  if (const Backoff& backoff = state_.backoff(); backoff.failing() && !state_.connected()) {
    status.offline = withOwnText(*backoff.error());
    status.offline_since = backoff.since();
    status.next_try = left(backoff);
  }
  return status;
}

void ThreadPool::stopThreads() {
  std::call_once(stopped_, [this] {
    {
      MutexLock lock(mutex_);
      state_.stopping = true;
      for (Event& each : interrupts_) each.signal();
      for (const ConnectionState& each : state_.connections()) {
        if (each.session) each.session->interrupt();
      }
      changed_.notify_all();
    }
    for (std::thread& each : threads_) each.join();
    std::vector<QueuedJob> left;
    {
      MutexLock lock(mutex_);
      left = state_.queue.drain();
    }
    for (const QueuedJob& job : left) fail(job, stopped());
  });
}

void ThreadPool::run(size_t self) {
  std::unique_ptr<Session> session;
  for (;;) {
    Step step = nextStep(self);
    switch (step.kind) {
      case Step::stop:
        return;
      case Step::connect:
        session = connect(self);
        break;
      case Step::serve:
        serve(self, session, std::move(step.jobs.front()));
        break;
      case Step::disconnect:
        session.reset();
        break;
      case Step::refuse:
        for (const QueuedJob& job : step.jobs) fail(job, *step.error);
        break;
    }
  }
}

Step ThreadPool::nextStep(size_t self) {
  MutexLock lock(mutex_);
  ConnectionState& state = state_.connections()[self];
  for (;;) {
    if (std::optional<Step> step = state_.next(state)) {
      // One idle connection less: the rest of the work may need another.
      if (state_.queue.size() > 0) changed_.notify_all();
      return std::move(*step);
    }
    if (const auto alarm = state_.alarm(state)) {
      changed_.wait_until(lock, *alarm);
    } else {
      changed_.wait(lock);
    }
  }
}

std::unique_ptr<Session> ThreadPool::connect(size_t self) {
  SessionOptions options = options_;
  options.interrupt = &interrupts_[self];
  std::unique_ptr<Session> session;
  const std::optional<Error> error = errorOf([&] { session = open_(options); });
  std::vector<QueuedJob> failed;
  {
    MutexLock lock(mutex_);
    ConnectionState& state = state_.connections()[self];
    if (error) {
      failed = state_.connectFailed(state, withOwnText(*error));
    } else {
      state_.connected(state, session.get());
    }
    changed();
  }
  if (error) log::info("connecting failed: {}", error->what());
  for (const QueuedJob& job : failed) fail(job, *error);
  return session;
}

void ThreadPool::serve(size_t self, std::unique_ptr<Session>& session, QueuedJob job) {
  const bool awaited = job.job.lane != Lane::ahead;
  const Throttle::As as(awaited ? Throttle::Manner::ordinary : Throttle::Manner::patient);
  const std::optional<Error> error = errorOf([&] { job.job.run(*session); });
  const bool ended = error && endsSession(*error);
  const std::string selected = session->selected();
  bool again = false;
  std::vector<QueuedJob> overdue;
  {
    MutexLock lock(mutex_);
    if (error && error->code == Code::timeout)
      overdue = state_.queue.takeWaitingSince(state_.overdue());
    std::optional<Error> noted;
    if (error) noted = withOwnText(*error);
    again = state_.workEnded(state_.connections()[self], selected, job, noted);
    changed();
  }
  if (ended) session.reset();
  if (!error && job.done) job.done();
  if (error && !again) fail(job, *error);
  for (const QueuedJob& each : overdue) fail(each, *error);
}

}  // namespace

std::unique_ptr<Pool> createPool(const SessionOptions& options, unsigned connections,
                                 SessionOpener open) {
  return std::make_unique<ThreadPool>(options, std::max(1U, connections), std::move(open));
}

std::unique_ptr<Pool> Pool::create(const SessionOptions& options, unsigned connections) {
  return createPool(options, connections, Session::open);
}

}  // namespace emlfs::imap
