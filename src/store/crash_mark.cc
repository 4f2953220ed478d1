#include "store/crash_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>

#include "emlfs/base/error.h"
#include "emlfs/base/mutex.h"

namespace emlfs::store {
namespace {

// A handler may touch nothing that another thread could be changing: paths lie here for good.
struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<bool> ready = false;
  std::array<char, PATH_MAX> path{};
};
constexpr size_t kSlots = 64;
std::array<Slot, kSlots> slots;
std::array<struct sigaction, kFatalSignals.size()> before;
constinit thread_local volatile int changes = 0;

void leaveMarks() {
  for (Slot& slot : slots) {
    if (!slot.ready.load()) continue;
    const int fd = ::open(slot.path.data(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  if (signal == SIGBUS || changes > 0) leaveMarks();
  const auto index = static_cast<size_t>(
      std::find(kFatalSignals.begin(), kFatalSignals.end(), signal) - kFatalSignals.begin());
  const struct sigaction& old = before[index];
  errno = error;
  if ((old.sa_flags & SA_SIGINFO) != 0) return old.sa_sigaction(signal, info, context);
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(signal);
  // A fault happens again as soon as this returns; what somebody sent has to be sent again.
  ::sigaction(signal, &old, nullptr);
  if (info->si_code <= 0) ::raise(signal);
}

// Again for each cache: somebody may have put other handlers there since.
void install() {
  static Mutex mutex;
  const MutexLock lock(mutex);
  struct sigaction action{};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kFatalSignals.size(); ++i) {
    struct sigaction now{};
    ::sigaction(kFatalSignals[i], nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handle) continue;
    before[i] = now;
    ::sigaction(kFatalSignals[i], &action, nullptr);
  }
}

}  // namespace

CrashMark::CrashMark(const std::string& mark) {
  install();
  if (mark.size() >= PATH_MAX) throw systemError(mark, ENAMETOOLONG);
  for (slot_ = 0; slot_ < kSlots; ++slot_) {
    if (slots[slot_].taken.exchange(true)) continue;
    std::memcpy(slots[slot_].path.data(), mark.c_str(), mark.size() + 1);
    slots[slot_].ready = true;
    return;
  }
  throw Error(Code::limit, Scope::account, "too many caches are open");
}

CrashMark::~CrashMark() {
  slots[slot_].ready = false;
  slots[slot_].taken = false;
}

InChange::InChange() {
  changes = changes + 1;
}

InChange::~InChange() {
  changes = changes - 1;
}

}  // namespace emlfs::store
