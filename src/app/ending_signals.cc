#include "app/ending_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "emlfs/base/error.h"

namespace emlfs::app {

EndingSignals::EndingSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) ::sigaddset(&set, signal);
  }
  fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw systemError("signalfd", errno);
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
}

EndingSignals::~EndingSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int EndingSignals::take() const {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                              : 0;
}

void EndingSignals::die(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  ::_exit(128 + signal);  // it was blocked when we were started
}

}  // namespace emlfs::app
