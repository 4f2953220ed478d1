// emlfs umount MOUNTPOINT
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <algorithm>
#include <cerrno>

#include "app/commands.h"
#include "app/ending_signals.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/flush_process.h"
#include "app/journal_lines.h"
#include "app/live_status.h"
#include "app/mounts_in.h"
#include "app/printable.h"
#include "app/process.h"
#include "app/status_json.h"
#include "app/terminal.h"
#include "app/unmount.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{5000};
// A daemon whose disk is slow, or which is stopped for a moment, is none that has died.
constexpr Milliseconds kLongestSilence{30'000};
constexpr Milliseconds kLongestFlush{30'000};
constexpr Milliseconds kEndLimit{60'000};  // the daemon tries once more to send what is left
constexpr Milliseconds kSilentWait{3'000};

struct Daemon {
  pid_t pid = 0;
  Fd process;
};

// The daemon that the status names. Without a descriptor if it has ended, or can't be seen from
// here (another PID namespace).
Daemon daemonOf(const std::string& json) {
  const auto status = nlohmann::json::parse(json, nullptr, false);
  Daemon daemon;
  if (!status.is_object() || !status.contains("pid") || !status["pid"].is_number_integer())
    return daemon;
  daemon.pid = status["pid"].get<pid_t>();
  if (daemon.pid <= 0) return daemon;
  daemon.process = openProcess(daemon.pid);
  if (daemon.process && programName(daemon.pid) != "emlfs") daemon.process.reset();
  return daemon;
}

enum class Flushed { done, away, given_up };

// While the mount still works. ^C gives it up.
Flushed flush(const std::string& mount_point, const Json& status) {
  const Milliseconds timeout =
      has(status, "/server/timeout_seconds")
          ? Milliseconds(std::chrono::seconds(number(status, "/server/timeout_seconds")))
          : kLongestFlush;
  const Deadline deadline = Deadline::after(std::min(timeout, kLongestFlush));
  const EndingSignals signals;
  FlushProcess process(mount_point);
  Ticker ticker(!isTerminal(STDOUT_FILENO), Milliseconds(0));
  ticker.show([&](size_t columns) {
    return fmt::format("sending {}; ^C leaves it for the next mount", leftText(status))
        .substr(0, columns);
  });
  pollfd waiting[] = {{process.fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  while (::poll(waiting, 2, deadline.pollTimeout()) < 0)
    if (errno != EINTR) throw systemError("poll", errno);
  if (waiting[1].revents != 0) signals.take();
  if (waiting[1].revents != 0 || waiting[0].revents == 0) return Flushed::given_up;
  const int error = process.result();
  return error == ENETUNREACH || error == ETIMEDOUT ? Flushed::away : Flushed::done;
}

// What the daemon could not send. Empty if there is nothing.
std::string left(const std::string& mount_point, const Json& before) {
  const LiveStatus answer = askMount(mount_point, kAnswerLimit);
  return leftText(answer.answer == Answer::given ? parseStatus(answer.json) : before);
}

bool ends(const Daemon& daemon) {
  const Deadline deadline = Deadline::after(kEndLimit);
  if (waitForEnd(daemon.process, Deadline::after(kSilentWait))) return true;
  ::fprintf(
      stderr,
      "emlfs: waiting for process %d to end: it may be sending what is left, or another mount "
      "namespace may hold the mount\n",
      daemon.pid);
  return waitForEnd(daemon.process, deadline);
}

}  // namespace

int umountCommand(const std::string& path, bool now) {
  if (const auto several = mountsIn(path))
    return runOnEach("umount", *several,
                     now ? std::vector<std::string>{"--now"} : std::vector<std::string>{});
  const std::string mount_point = requireEmlfsMount(path);
  LiveStatus status = askMount(mount_point, kAnswerLimit);
  if (status.answer == Answer::silent && !now) {
    ::fprintf(stderr, "emlfs: %s: its daemon does not answer; it is waited for, %lld s at most\n",
              path.c_str(), static_cast<long long>(kLongestSilence.count() / 1000));
    status = askMount(mount_point, kLongestSilence);
  }
  if (status.answer == Answer::dead || status.answer == Answer::silent) {
    unmount(mount_point, Detach::lazy);
    ::fprintf(stderr, "emlfs: %s: its daemon %s; the mount was taken away\n", path.c_str(),
              status.answer == Answer::dead ? "had died" : "did not answer");
    return static_cast<int>(ExitCode::ok);
  }
  const Daemon daemon = daemonOf(status.json);
  Flushed flushed = Flushed::given_up;
  std::string unsent;
  if (status.answer == Answer::given) {
    const Json before = parseStatus(status.json);
    unsent = flag(before, "/read_only") ? "" : leftText(before);
    if (!unsent.empty() && text(before, "/state") == "offline")
      flushed = Flushed::away;
    else if (!unsent.empty() && !now)
      flushed = flush(mount_point, before);
    if (!unsent.empty()) unsent = left(mount_point, before);
  }
  unmount(mount_point, Detach::now);
  if (!unsent.empty()) {
    // It would try again.
    if (daemon.process && flushed == Flushed::given_up) sendSignal(daemon.process, SIGTERM);
    ::fprintf(stderr,
              "emlfs: not sent yet%s: %s; the next mount of this account has it all, and sends "
              "what is finished\n",
              flushed == Flushed::away ? " (the server can't be reached)" : "",
              printable(unsent).c_str());
  }
  // Cache and state are locked until the daemon has ended: a mount right after has to work.
  if (daemon.process && !ends(daemon))
    throw failure(
        Code::timeout,
        fmt::format("{} is unmounted, but its daemon (process {}) has not ended after {} s", path,
                    daemon.pid, kEndLimit.count() / 1000));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
