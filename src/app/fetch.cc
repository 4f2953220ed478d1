// emlfs fetch PATH...: brings bodies into the cache, by reading them through the mount.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <cstdio>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <set>

#include "app/commands.h"
#include "app/ending_signals.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/fetch_run.h"
#include "app/fetch_text.h"
#include "app/live_status.h"
#include "app/mount_table.h"
#include "app/printable.h"
#include "app/status_json.h"
#include "app/terminal.h"
#include "app/units.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{10'000};

void complain(const std::string& line) {
  ::fprintf(stderr, "emlfs: %s\n", printable(line).c_str());
}

struct Selection {
  std::vector<std::string> paths;
  std::set<std::string> mounts;
};

// Throws Error(invalid) unless every path is in a mount of emlfs.
Selection select(const std::vector<std::string>& arguments) {
  const auto mounts = parseMountInfo(readFile("/proc/self/mountinfo"));
  Selection selection;
  for (const std::string& argument : arguments) {
    const auto path = canonicalPath(argument);
    if (!path) throw badInput(fmt::format("{} does not exist", argument));
    const auto mount = mountHolding(mounts, *path);
    if (!mount || mount->fs_type != kFsType)
      throw badInput(fmt::format("{} is not in a mount of emlfs", argument));
    selection.paths.push_back(*path);
    selection.mounts.insert(mount->mount_point);
  }
  selection.paths = withoutNested(selection.paths);
  return selection;
}

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// How much fits into the caches of these mounts; kUnlimited if one doesn't say.
uint64_t cacheLimit(const std::set<std::string>& mounts) {
  uint64_t sum = 0;
  for (const std::string& mount : mounts) {
    const LiveStatus answer = askMount(mount, kAnswerLimit);
    if (answer.answer == Answer::dead)
      throw failure(Code::system, fmt::format("the emlfs behind {} has died", mount));
    if (answer.answer == Answer::silent)
      throw failure(Code::timeout, fmt::format("the emlfs behind {} does not answer", mount));
    if (answer.answer != Answer::given) return kUnlimited;  // another user's
    const uint64_t limit = number(parseStatus(answer.json), "/cache/limit_bytes");
    if (limit == 0) return kUnlimited;
    sum += limit;
  }
  return sum;
}

void printFailures(FetchRun& run, Ticker& ticker) {
  const auto failures = run.takeFailures();
  if (!failures.empty()) ticker.clear();
  for (const auto& [path, error] : failures) complain(systemError(path, error).what());
}

[[noreturn]] void endBySignal(EndingSignals& signals, int signal, const FetchState& state,
                              Ticker& ticker) {
  ticker.clear();
  complain("interrupted: " + fetchLeftOff(state));
  ::fflush(nullptr);
  signals.die(signal);
}

// Shows how far the run is until it is done.
void watch(FetchRun& run, EndingSignals& signals, Ticker& ticker, uint64_t limit) {
  Pace pace;
  for (;;) {
    pollfd waits[] = {{signals.fd(), POLLIN, 0}, {run.changed(), POLLIN, 0}};
    const auto pause = static_cast<int>(ticker.interval().count());
    if (::poll(waits, 2, pause) < 0 && errno != EINTR) throw systemError("poll", errno);
    printFailures(run, ticker);
    FetchState state = run.state();
    if (const int signal = signals.take(); signal != 0) endBySignal(signals, signal, state, ticker);
    if (state.phase == FetchPhase::done) return;
    if (state.phase == FetchPhase::reading) {
      if (state.all_bytes > limit) {
        ticker.clear();
        complain(fmt::format("{} don't fit into the cache, which holds {}: see option cache_size",
                             formatSize(state.all_bytes), formatSize(limit)));
        limit = kUnlimited;
      }
      auto& progress = state.progress;
      pace.add(Clock::now(), progress.bytes);
      progress.bytes_per_second = pace.bytesPerSecond();
      progress.left =
          pace.timeFor(progress.bytes_total - std::min(progress.bytes, progress.bytes_total));
    }
    ticker.show([&](size_t columns) { return fetchLine(state, columns); });
  }
}

// Throws Error if the server or the daemon ended the run.
int judge(const FetchState& state) {
  if (state.ended_by) {
    const int error = *state.ended_by;
    if (error == EACCES)
      throw failure(Code::auth, "access is refused (see 'emlfs status'): " + fetchLeftOff(state));
    if (error == ENOTCONN || error == ECONNABORTED)
      throw failure(Code::system, "the mount is gone: " + fetchLeftOff(state));
    throw failure(Code::network, "the server can't be reached: " + fetchLeftOff(state));
  }
  if (state.failed > FetchRun::kNamed)
    complain(
        fmt::format("{} more could not be read", formatCount(state.failed - FetchRun::kNamed)));
  if (state.not_kept != 0)
    complain(
        fmt::format("{} were read, but are not in the cache: is the disk full, or cache_size "
                    "too small?",
                    formatCount(state.not_kept)));
  const bool all = state.failed == 0 && state.not_kept == 0;
  return static_cast<int>(all ? ExitCode::ok : ExitCode::incomplete);
}

}  // namespace

int fetchCommand(const FetchArguments& arguments) {
  const Selection selection = select(arguments.paths);
  const auto limit = cacheLimit(selection.mounts);
  const auto began = Clock::now();
  EndingSignals signals;
  Ticker ticker(arguments.quiet, arguments.interval);
  FetchRun run(selection.paths, arguments.threads);
  watch(run, signals, ticker, limit);
  ticker.clear();
  run.join();
  const FetchState state = run.state();
  const int code = judge(state);
  if (!arguments.quiet) {
    const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
    ::printf("%s\n", fetchSummary(state, took).c_str());
    if (::fflush(stdout) != 0) throw systemError("standard output", errno);
  }
  return code;
}

}  // namespace emlfs::app
