// emlfs flush MOUNTPOINT
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/flush_process.h"
#include "app/journal_lines.h"
#include "app/live_status.h"
#include "app/mount_attribute.h"
#include "app/mounts_in.h"
#include "app/printable.h"
#include "app/terminal.h"
#include "app/units.h"

namespace emlfs::app {
namespace {

constexpr const char* kStatus = "user.emlfs.status";
constexpr size_t kNamed = 5;
constexpr Milliseconds kBetweenTries{700};  // more than half a second, see imap/backoff

Json statusOf(const std::string& mount_point) {
  return parseStatus(readAttribute(mount_point, kStatus));
}

// On a terminal ^C ends all of this at once: nothing here has to be put in order.
int waitFor(FlushProcess& flush, const std::string& mount_point) {
  const bool shown = isTerminal(STDOUT_FILENO);
  Ticker ticker(!shown, Milliseconds(0));
  for (;;) {
    pollfd waiting{flush.fd(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, shown ? static_cast<int>(ticker.interval().count()) : -1);
    if (ready < 0 && errno != EINTR) throw systemError("poll", errno);
    if (ready > 0) return flush.result();
    if (!shown) continue;
    const uint64_t left = number(statusOf(mount_point), "/changes/pending");
    ticker.show([&](size_t columns) {
      return fmt::format("{} {} left", formatCount(left), left == 1 ? "change" : "changes")
          .substr(0, columns);
    });
  }
}

// Right after a failed try to connect the daemon has no other in mind: what it says then it knew
// before, and the server may be back.
int flushed(const std::string& mount_point) {
  const auto began = Clock::now();
  FlushProcess flush(mount_point);
  const int error = waitFor(flush, mount_point);
  const auto rest = std::chrono::ceil<Milliseconds>(began + kBetweenTries - Clock::now());
  if (error != ENETUNREACH || rest.count() <= 0) return error;
  ::poll(nullptr, 0, static_cast<int>(rest.count()));
  FlushProcess again(mount_point);
  return waitFor(again, mount_point);
}

std::string refusedText(const std::string& mount_point, const Json& status) {
  const uint64_t refused = number(status, "/changes/refused");
  std::string line = fmt::format("the server refused {} {}:", formatCount(refused),
                                 refused == 1 ? "change" : "changes");
  size_t named = 0;
  for (const Json& change : at(status, "/refused")) {
    if (++named > kNamed) break;
    line += fmt::format("{} {} ({})", named == 1 ? "" : ";", changeText(change),
                        text(change, "/server"));
  }
  if (refused > kNamed) line += "; ...";
  return line + fmt::format("; 'emlfs journal {}' says more", mount_point);
}

}  // namespace

int flushCommand(const std::string& written) {
  if (const auto several = mountsIn(written)) return runOnEach("flush", *several);
  const NamedMount mount = mountAround(written);
  const auto& [mount_point, path, inside] = mount;
  // A daemon that hangs is another matter than a server that does.
  requireAnswer(mount);
  const int error = flushed(mount_point);
  const Json status = statusOf(mount_point);
  const std::string left = leftText(status);
  if (number(status, "/changes/refused") != 0) {
    std::string line = refusedText(path, status);
    if (!left.empty()) line += "; not sent yet: " + left;
    throw failure(Code::refused, line);
  }
  if (error != 0) {
    const Error why = mountAnswer(path, error);
    std::string line = why.what();
    if (const auto held = heldText(status); error == ETIMEDOUT && !held.empty())
      line = fmt::format("{}: {}", path, held);
    if (!left.empty()) line += "; not sent yet: " + left;
    throw failure(why.code, line);
  }
  if (left.empty()) return static_cast<int>(ExitCode::ok);
  ::fprintf(stderr, "emlfs: not sent: %s\n", printable(left).c_str());
  bool hindered = false;
  for (const Json& draft : at(status, "/drafts"))
    hindered |= !text(draft, "/reason").empty() && at(draft, "/temporary") != true;
  return static_cast<int>(hindered ? ExitCode::incomplete : ExitCode::ok);
}

}  // namespace emlfs::app
