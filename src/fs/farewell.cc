#include "fs/farewell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "emlfs/account/changes.h"
#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs::fs {
namespace {

constexpr std::array kEnding{SIGTERM, SIGINT, SIGHUP};
constexpr int kNudge = SIGUSR1;   // to the main thread alone
constexpr int kNudgeAgain = 100;  // ms

std::atomic<int> signalled_fd{-1};

void add(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

uint64_t take(int fd) {
  uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

extern "C" void onSignal(int number) {
  const int before = errno;
  if (number != kNudge) add(signalled_fd.load());
  errno = before;
}

void handle(int number, bool ours) {
  struct sigaction before{};
  ::sigaction(number, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action{};
  action.sa_handler = ours ? onSignal : SIG_DFL;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

Fd newEvent() {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) throw systemError("eventfd", errno);
  return event;
}

}  // namespace

Farewell::Farewell(Account& account, Milliseconds limit, std::function<void()> settle,
                   std::function<void()> exit)
    : account_(account),
      limit_(limit),
      settle_(std::move(settle)),
      exit_(std::move(exit)),
      main_(::pthread_self()),
      signals_(newEvent()),
      ended_(newEvent()) {
  signalled_fd = signals_.get();
  for (const int number : kEnding) handle(number, true);
  handle(kNudge, true);
  thread_ = startThread("farewell", [this] { loop(); });
}

Farewell::~Farewell() {
  if (thread_.joinable()) {
    failed_ = true;
    unmounted();
  }
  for (const int number : kEnding) handle(number, false);
  handle(kNudge, false);
  signalled_fd = -1;
}

void Farewell::unmounted() {
  add(ended_.get());
  thread_.join();
}

void Farewell::loop() {
  std::array<pollfd, 2> waiting{{{signals_.get(), POLLIN, 0}, {ended_.get(), POLLIN, 0}}};
  while (::poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
  }
  // Who asks twice has no time.
  const bool ended = (waiting[1].revents & POLLIN) != 0;
  if (!failed_ && take(signals_.get()) + (ended ? 1 : 0) < 2) sendPending(ended);
  endLoop();
}

// A flush that is given up leaves its changes in the journal.
void Farewell::sendPending(bool ended) {
  auto* changes = account_.changes();
  if (changes == nullptr) return;
  const auto done = std::make_shared<Fd>(newEvent());
  const WaitId wait = changes->newFlush();
  settle_();
  changes->flush(wait, std::nullopt, [done](const std::optional<Error>& error) {
    if (error) log::info("not everything was sent: {}", error->what());
    add(done->get());
  });
  const Deadline deadline = Deadline::after(limit_);
  std::array<pollfd, 3> waiting{{{done->get(), POLLIN, 0},
                                 {signals_.get(), POLLIN, 0},
                                 {ended ? -1 : ended_.get(), POLLIN, 0}}};
  while (::poll(waiting.data(), waiting.size(), deadline.pollTimeout()) < 0 && errno == EINTR) {
  }
  account_.cancel(wait);
  if (const uint64_t left = changes->pending(); left != 0)
    log::warning("not sent yet, and left for the next mount: {} changes", left);
}

void Farewell::endLoop() {
  exit_();
  pollfd ended{ended_.get(), POLLIN, 0};
  // The main thread may have looked before, and not wait yet.
  do ::pthread_kill(main_, kNudge);
  while (::poll(&ended, 1, kNudgeAgain) == 0);
}

}  // namespace emlfs::fs
