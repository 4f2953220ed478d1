// emlfs umount MOUNTPOINT
#include <fmt/format.h>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/live_status.h"
#include "app/process.h"
#include "app/unmount.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{5000};
constexpr Milliseconds kEndLimit{30'000};

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

}  // namespace

int umountCommand(const std::string& path) {
  const std::string mount_point = requireEmlfsMount(path);
  const LiveStatus status = askMount(mount_point, kAnswerLimit);
  if (status.answer == Answer::dead || status.answer == Answer::silent) {
    unmount(mount_point, Detach::lazy);
    ::fprintf(stderr, "emlfs: %s: its daemon %s; the mount was taken away\n", path.c_str(),
              status.answer == Answer::dead ? "had died" : "did not answer");
    return static_cast<int>(ExitCode::ok);
  }
  const Daemon daemon = daemonOf(status.json);
  unmount(mount_point, Detach::now);
  // Cache and state are locked until the daemon has ended: a mount right after has to work.
  if (daemon.process && !waitForEnd(daemon.process, Deadline::after(kEndLimit)))
    throw failure(
        Code::timeout,
        fmt::format("{} is unmounted, but its daemon (process {}) has not ended after {} s", path,
                    daemon.pid, kEndLimit.count() / 1000));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
