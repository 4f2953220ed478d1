#include "app/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <algorithm>
#include <optional>

#include "app/ending_signals.h"
#include "app/exit_code.h"
#include "app/notify_socket.h"
#include "app/process.h"
#include "app/restart.h"
#include "app/service_manager.h"
#include "app/terminal_turn.h"
#include "app/units.h"
#include "app/worker.h"
#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

// One that has worked for so long begins anew when it fails.
constexpr Milliseconds kProved{60'000};

struct Account {
  explicit Account(const Task& task) : worker(task) {}

  Worker worker;
  bool works = false;
  bool failed = false;                       // the last time
  std::optional<int> final_code;             // it is not started again
  std::optional<Clock::time_point> restart;  // when
  std::optional<Clock::time_point> works_since;
  unsigned failures = 0;

  bool settled() const { return works || failed || final_code; }
};

class Supervisor {
 public:
  Supervisor(const std::vector<Task>& tasks, const std::function<void(const std::string&)>& ready)
      : ready_(ready), accounts_(tasks.begin(), tasks.end()) {}

  int run() {
    for (Account& account : accounts_) account.worker.start(socket_.address());
    while (std::ranges::any_of(accounts_, [](const Account& each) { return isLeft(each); })) {
      wait();
      if (!told_ && !stopping_ && std::ranges::all_of(accounts_, &Account::settled)) {
        told_ = true;
        ready_(state());
      }
    }
    if (stopping_) return static_cast<int>(ExitCode::ok);
    for (const Account& account : accounts_)
      if (account.final_code.value_or(0) != 0) return *account.final_code;
    return static_cast<int>(ExitCode::ok);
  }

 private:
  static bool isLeft(const Account& account) {
    return account.worker.running() || account.restart.has_value();
  }

  void wait() {
    std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}, {socket_.fd(), POLLIN, 0}};
    for (const Account& each : accounts_) {
      waits.push_back({each.worker.speech(), POLLIN, 0});
      waits.push_back({each.worker.end(), POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), pollTimeout()) < 0 && errno != EINTR)
      throw systemError("poll", errno);
    if (waits[0].revents != 0) stop();
    // Before the ends: who has ended may have worked.
    while (const auto note = socket_.take())
      if (note->ready) works(note->from);
    for (size_t i = 0; i < accounts_.size(); ++i) {
      if (waits[2 + 2 * i].revents != 0) accounts_[i].worker.relay();
      if (waits[3 + 2 * i].revents != 0) ended(accounts_[i]);
      if (accounts_[i].restart && *accounts_[i].restart <= Clock::now()) start(accounts_[i]);
    }
  }

  int pollTimeout() const {
    std::optional<Clock::time_point> first;
    for (const Account& each : accounts_)
      if (each.restart) first = std::min(first.value_or(*each.restart), *each.restart);
    if (!first) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(*first - Clock::now()).count();
    return static_cast<int>(std::max<decltype(left)>(left, 0));
  }

  void stop() {
    signalfd_siginfo signal{};
    if (::read(signals_.fd(), &signal, sizeof signal) != sizeof signal) return;
    // ^C: the terminal sends it to all of us, and a second one would cut short what they still
    // send.
    const bool have_it_too = signal.ssi_code == SI_KERNEL;
    if (!stopping_) tellStopping();
    stopping_ = true;
    for (Account& each : accounts_) {
      each.restart.reset();
      if (!have_it_too) each.worker.stop();
    }
  }

  void works(pid_t pid) {
    for (Account& each : accounts_) {
      if (!each.worker.running() || each.worker.pid() != pid) continue;
      each.works = true;
      each.failed = false;
      each.works_since = Clock::now();
    }
  }

  void ended(Account& account) {
    const int status = account.worker.reap();
    if (account.works_since && Clock::now() - *account.works_since > kProved) account.failures = 0;
    account.works = false;
    account.works_since.reset();
    account.failed = status != 0;
    ++account.failures;
    const auto pause = stopping_ ? std::nullopt : restartPause(status, account.failures);
    if (pause) account.restart = Clock::now() + *pause;
    if (!pause)
      account.final_code =
          WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(ExitCode::other);
    if (status == 0 || stopping_) return;
    const auto seconds =
        pause ? static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(*pause).count()) : 0;
    ::fprintf(stderr, "emlfs: %s: not mounted (%s): %s\n", account.worker.name().c_str(),
              describeStatus(status).c_str(),
              pause ? fmt::format("tried again in {}", formatDuration(seconds)).c_str()
                    : "not tried again until this is started anew");
  }

  void start(Account& account) {
    account.restart.reset();
    account.worker.start(socket_.address());
  }

  std::string state() const {
    std::string missing;
    size_t working = 0;
    for (const Account& each : accounts_) {
      working += each.works ? 1 : 0;
      if (!each.works) missing += (missing.empty() ? "" : ", ") + each.worker.name();
    }
    return fmt::format("{} of {} accounts are mounted{}{}", working, accounts_.size(),
                       missing.empty() ? "" : ", not ", missing);
  }

  const std::function<void(const std::string&)>& ready_;
  EndingSignals signals_;
  NotifySocket socket_;
  std::vector<Account> accounts_;
  bool told_ = false;
  bool stopping_ = false;
};

}  // namespace

int supervise(const std::vector<Task>& tasks,
              const std::function<void(const std::string&)>& ready) {
  shareTerminal();
  return Supervisor(tasks, ready).run();
}

}  // namespace emlfs::app
