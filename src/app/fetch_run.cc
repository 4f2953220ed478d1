#include "app/fetch_run.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "app/through_mount.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/thread.h"

namespace emlfs::app {
namespace {

// So many failures that can't be a message's own end the run.
constexpr unsigned kInARow = 8;

// The daemon commits what it has handed to a reader a little later.
constexpr Milliseconds kCommitLimit{10'000};
constexpr int kCommitPause = 50;  // ms; nothing tells when another process has committed

bool vanished(int error) {
  return error == ENOENT || error == ESTALE;
}

// The server or the daemon is at fault, not the message.
bool concernsAll(int error) {
  return error == ENETUNREACH || error == ETIMEDOUT || error == EACCES || error == ENOTCONN ||
         error == ECONNABORTED;
}

// A size that was wrong is right the second time, and a connection that broke is a new one.
bool worthAnotherTry(int error) {
  return error == EIO || error == ENETUNREACH;
}

}  // namespace

FetchRun::FetchRun(std::vector<std::string> paths, unsigned threads, Objections objections)
    : paths_(std::move(paths)),
      threads_(threads),
      objections_(std::move(objections)),
      thread_(startThread("fetch", [this] { run(); })) {}

FetchRun::~FetchRun() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void FetchRun::run() {
  try {
    list();
    if (mayRead()) {
      readAll();
      if (!stop_) confirm();
    }
  } catch (...) {
    const MutexLock lock(mutex_);
    error_ = std::current_exception();
  }
  enter(FetchPhase::done);
  changed_.signal();
}

void FetchRun::enter(FetchPhase phase) {
  const MutexLock lock(mutex_);
  state_.phase = phase;
}

void FetchRun::list() {
  ListEvents events;
  events.enters = [this](const std::string& directory) {
    const MutexLock lock(mutex_);
    state_.directory = directory;
  };
  events.found = [this] { ++found_; };
  events.failed = [this](const std::string& path, int error) { failed(path, error); };
  list_ = listMessages(paths_, events);
  read_.resize(list_.items.size());
}

bool FetchRun::mayRead() {
  if (list_.items.empty()) return true;
  auto objections = objections_(list_.all_bytes);
  const MutexLock lock(mutex_);
  state_.refused = std::move(objections);
  return state_.refused.empty();
}

void FetchRun::readAll() {
  {
    const MutexLock lock(mutex_);
    state_.phase = FetchPhase::reading;
    state_.cached_before = list_.cached_messages;
    state_.progress.messages_total = list_.items.size();
    state_.progress.bytes_total = list_.missing_bytes;
  }
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < std::min<size_t>(threads_, list_.items.size()); ++i)
    readers.push_back(startThread("fetch reader", [this] { readSome(); }));
  for (std::thread& reader : readers) reader.join();
}

void FetchRun::readSome() {
  try {
    Drain drain;
    for (size_t index; !stop_ && (index = next_++) < list_.items.size();) readOne(drain, index);
  } catch (...) {
    const MutexLock lock(mutex_);
    error_ = std::current_exception();
    stop_ = true;
  }
}

int FetchRun::readBytes(Drain& drain, const std::string& path, uint64_t cached, uint64_t missing) {
  uint64_t counted = 0;
  const auto count = [&](uint64_t now) {
    bytes_ += now - counted;
    counted = now;
  };
  const int error = drain.read(path, [&](uint64_t so_far) {
    count(std::max(counted, std::min(missing, so_far > cached ? so_far - cached : 0)));
    return !stop_.load();
  });
  // What failed counts for nothing; what is done for all, also where its size was wrong.
  count(error == 0 ? missing : 0);
  return error;
}

void FetchRun::readOne(Drain& drain, size_t index) {
  const FetchItem& item = list_.items[index];
  const std::string path = list_.path(item);
  int error = readBytes(drain, path, item.cached, item.missing());
  if (worthAnotherTry(error) && !stop_) error = readBytes(drain, path, item.cached, item.missing());
  if (stop_) return;
  if (error == 0) {
    in_a_row_ = 0;
    read_[index] = 1;
    ++messages_;
  } else if (vanished(error)) {
    const MutexLock lock(mutex_);
    ++state_.vanished;
  } else {
    failed(path, error);
    if (concernsAll(error) && ++in_a_row_ >= std::min<size_t>(kInARow, list_.items.size()))
      unreachable(error);
  }
}

void FetchRun::unreachable(int error) {
  const MutexLock lock(mutex_);
  state_.ended_by = error;
  stop_ = true;
}

void FetchRun::failed(const std::string& path, int error) {
  {
    const MutexLock lock(mutex_);
    ++state_.failed;
    if (named_ == kNamed) return;
    ++named_;
    failures_.push_back({path, error});
  }
  changed_.signal();
}

void FetchRun::confirm() {
  enter(FetchPhase::confirming);
  std::vector<size_t> left;
  for (size_t index = 0; index < read_.size(); ++index)
    if (read_[index] != 0) left.push_back(index);
  // Absent: it has vanished since, or the daemon is of an age that can't say.
  const auto isWhole = [&](size_t index) {
    const std::string path = list_.path(list_.items[index]);
    const auto cached = cachedBytes(path);
    return !cached || isWholeFile(path, *cached);
  };
  auto deadline = Deadline::after(kCommitLimit);
  while (!stop_) {
    const size_t before = left.size();
    std::erase_if(left, isWhole);
    if (left.empty() || deadline.passed()) break;
    if (left.size() < before) deadline = Deadline::after(kCommitLimit);
    ::poll(nullptr, 0, kCommitPause);
  }
  const MutexLock lock(mutex_);
  state_.not_kept = left.size();
}

FetchState FetchRun::state() const {
  const MutexLock lock(mutex_);
  FetchState state = state_;
  state.listed = found_;
  state.progress.messages = messages_;
  state.progress.bytes = bytes_;
  return state;
}

std::vector<FetchRun::Failure> FetchRun::takeFailures() {
  changed_.clear();
  const MutexLock lock(mutex_);
  return std::exchange(failures_, {});
}

void FetchRun::join() {
  if (thread_.joinable()) thread_.join();
  const MutexLock lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

}  // namespace emlfs::app
