#include "fs/closings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "emlfs/account/changes.h"
#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"
#include "emlfs/store/path.h"

namespace emlfs::fs {
namespace {

constexpr size_t kEvents = 64 << 10;

}  // namespace

Closings::Closings(Account& account, std::string mount_point)
    : account_(account),
      mount_point_(std::move(mount_point)),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (!inotify_) {
    log::warning("{}: new messages are sent 30 s after they were last written",
                 systemError("inotify", errno).what());
    account_.changes()->deaf();
  }
  thread_ = startThread("closings", [this] { loop(); });
}

Closings::~Closings() {
  stop();
  for (;;) {
    std::map<MailboxId, std::thread> threads;
    {
      const MutexLock lock(mutex_);
      threads.swap(watching_);
      watched_.clear();
    }
    if (threads.empty()) return;
    for (auto& [directory, thread] : threads) thread.join();
  }
}

void Closings::stop() {
  stop_.signal();
  if (thread_.joinable()) thread_.join();
}

void Closings::whenHeard(MailboxId directory, std::function<void()> then) {
  reap();
  bool heard = false;
  {
    const MutexLock lock(mutex_);
    const auto [at, is_new] = heard_.try_emplace(directory, false);
    heard = at->second;
    if (!heard && (!is_new || startWatching(directory))) {
      waiting_[directory].push_back(std::move(then));
      return;
    }
    if (!heard) heard_.erase(at);  // the next one may be heard
  }
  if (!heard) account_.changes()->deaf();
  then();
}

bool Closings::startWatching(MailboxId directory) {
  try {
    watching_[directory] = startThread("watch", [this, directory] { watch(directory); });
    return true;
  } catch (const std::system_error& error) {
    log::warning("new messages are sent 30 s after they were last written: {}", error.what());
    return false;
  }
}

void Closings::reap() {
  std::vector<std::thread> ended;
  {
    const MutexLock lock(mutex_);
    for (const MailboxId directory : watched_) {
      const auto at = watching_.find(directory);
      if (at == watching_.end()) continue;
      ended.push_back(std::move(at->second));
      watching_.erase(at);
    }
    watched_.clear();
  }
  for (auto& thread : ended) thread.join();
}

void Closings::watch(MailboxId directory) {
  bool done = false;
  try {
    done = addWatch(directory);
  } catch (const Error& error) {
    log::warning("closings of new messages are not heard: {}", error.what());
  }
  if (!done) account_.changes()->deaf();
  std::vector<std::function<void()>> waiting;
  {
    const MutexLock lock(mutex_);
    heard_[directory] = true;
    waiting.swap(waiting_[directory]);
    waiting_.erase(directory);
  }
  for (const auto& then : waiting) then();
  const MutexLock lock(mutex_);
  watched_.push_back(directory);
}

bool Closings::addWatch(MailboxId directory) {
  if (!inotify_) return false;
  std::string path;
  uint64_t inode = 0;
  {
    const auto snapshot = account_.snapshot();
    const auto below = store::pathOf(*snapshot, directory);
    if (!below) throw Error(Code::stale, Scope::mailbox, "the directory is no longer there");
    path = mount_point_ + *below;
    if (const auto record = snapshot->mailbox(directory)) inode = record->inode;
  }
  const Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0) throw systemError(path, errno);
  if (st.st_ino != inode)
    throw Error(Code::stale, Scope::mailbox, path + " has become another directory");
  const std::string link = fmt::format("/proc/self/fd/{}", fd.get());
  // What reading does with the same files is not asked for: it costs who reads.
  const MutexLock lock(mutex_);
  // Not of files without a name: what has their name now is another.
  const int number = ::inotify_add_watch(inotify_.get(), link.c_str(),
                                         IN_CLOSE_WRITE | IN_ONLYDIR | IN_EXCL_UNLINK);
  if (number < 0) throw systemError("watching " + path, errno);
  directories_[number] = directory;
  return true;
}

void Closings::drain() {
  alignas(inotify_event) std::array<char, kEvents> buffer;
  const MutexLock reading(reading_);
  for (;;) {
    // It doesn't block. NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        log::warning("closings of new messages were missed");
        account_.changes()->deaf();
        continue;
      }
      std::optional<MailboxId> directory;
      {
        const MutexLock lock(mutex_);
        const auto found = directories_.find(event.wd);
        if (found == directories_.end()) continue;
        directory = found->second;
        if ((event.mask & IN_IGNORED) != 0) {
          heard_.erase(found->second);
          directories_.erase(found);
          continue;
        }
      }
      if ((event.mask & IN_CLOSE_WRITE) == 0 || event.len == 0) continue;
      try {
        account_.changes()->closed(*directory, name);
      } catch (const Error& error) {
        log::warning("a new message that was closed: {}", error.what());
      }
    }
  }
}

void Closings::loop() {
  std::array<pollfd, 2> waiting{{{.fd = inotify_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = stop_.fd(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      log::error("{}", systemError("closings of new messages are not heard", errno).what());
      account_.changes()->deaf();
      return;
    }
    if (waiting[1].revents != 0) return;
    drain();
  }
}

}  // namespace emlfs::fs
