// emlfs fetch PATH...: brings bodies into the cache, by reading them through the mount.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <cstdio>

#include <algorithm>
#include <cerrno>
#include <map>
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
  std::vector<std::string> mounts;  // of each path
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
  }
  selection.paths = withoutNested(selection.paths);
  for (const std::string& path : selection.paths)
    selection.mounts.push_back(mountHolding(mounts, path)->mount_point);
  return selection;
}

// By mount, how many bytes of bodies its cache holds; without those that don't say.
using Limits = std::map<std::string, uint64_t>;

Limits cacheLimits(const std::set<std::string>& mounts) {
  Limits limits;
  for (const std::string& mount : mounts) {
    const LiveStatus answer = askMount(mount, kAnswerLimit);
    if (answer.answer == Answer::dead)
      throw failure(Code::system, fmt::format("the emlfs behind {} has died", mount));
    if (answer.answer == Answer::silent)
      throw failure(Code::timeout, fmt::format("the emlfs behind {} does not answer", mount));
    if (answer.answer != Answer::given) continue;  // another user's
    const Json status = parseStatus(answer.json);
    if (has(status, "/cache/limit_bytes"))
      limits.emplace(mount, number(status, "/cache/limit_bytes"));
  }
  return limits;
}

// What comes last would only push out what came first.
std::vector<std::string> whatIsTooMuch(const std::vector<std::string>& mounts,
                                       const std::vector<uint64_t>& bytes, const Limits& limits) {
  std::map<std::string, uint64_t> sums;
  for (size_t i = 0; i < mounts.size(); ++i) sums[mounts[i]] += bytes[i];
  std::vector<std::string> lines;
  for (const auto& [mount, sum] : sums)
    if (const auto limit = limits.find(mount); limit != limits.end() && sum > limit->second)
      lines.push_back(
          fmt::format("{} of messages don't fit into the cache of {}, which holds {}: mount with a "
                      "larger cache_size, or fetch less",
                      formatSize(sum), mount, formatSize(limit->second)));
  return lines;
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
void watch(FetchRun& run, EndingSignals& signals, Ticker& ticker) {
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
  for (const std::string& line : state.refused) complain(line);
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
  const bool all = state.failed == 0 && state.not_kept == 0 && state.refused.empty();
  return static_cast<int>(all ? ExitCode::ok : ExitCode::incomplete);
}

}  // namespace

int fetchCommand(const FetchArguments& arguments) {
  const Selection selection = select(arguments.paths);
  const auto limits = cacheLimits({selection.mounts.begin(), selection.mounts.end()});
  const auto began = Clock::now();
  EndingSignals signals;
  Ticker ticker(arguments.quiet, arguments.interval);
  FetchRun run(selection.paths, arguments.threads, [&](const std::vector<uint64_t>& bytes) {
    return whatIsTooMuch(selection.mounts, bytes, limits);
  });
  watch(run, signals, ticker);
  ticker.clear();
  run.join();
  const FetchState state = run.state();
  const int code = judge(state);
  if (!arguments.quiet && state.refused.empty()) {
    const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
    ::printf("%s\n", fetchSummary(state, took).c_str());
    if (::fflush(stdout) != 0) throw systemError("standard output", errno);
  }
  return code;
}

}  // namespace emlfs::app
