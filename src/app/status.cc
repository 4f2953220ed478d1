// emlfs status MOUNTPOINT
#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

#include <cerrno>
#include <functional>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/live_status.h"
#include "app/mount_table.h"
#include "app/mounts_in.h"
#include "app/status_text.h"
#include "app/terminal.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{10'000};
constexpr const char* kNothing = "no account is mounted\n";

std::string ask(const NamedMount& mount) {
  const std::string& path = mount.name;
  LiveStatus status = askMount(mount.mount_point, kAnswerLimit);
  switch (status.answer) {
    case Answer::given:
      break;
    case Answer::dead:
      throw failure(Code::system,
                    fmt::format("the emlfs behind {0} has died: 'emlfs umount {0}' takes the mount "
                                "away, then mount again",
                                path));
    case Answer::silent:
      throw failure(Code::timeout, fmt::format("the emlfs behind {} does not answer", path));
    case Answer::refused:
      if (status.error_number == EACCES)
        throw failure(Code::system, fmt::format("{} was mounted by another user", path));
      throw systemError("the status of " + path, status.error_number);
  }
  return std::move(status.json);
}

}  // namespace

namespace {

void print(const std::string& text) {
  if (::fwrite(text.data(), 1, text.size(), stdout) != text.size() || ::fflush(stdout) != 0)
    throw systemError("standard output", errno);
}

// Each as far as it can be had: one that hangs or has died hides no other.
int statusOfEach(const std::vector<std::string>& mounts,
                 const std::function<std::string(const std::string&)>& text) {
  int code = static_cast<int>(ExitCode::ok);
  for (const std::string& mount : mounts) {
    try {
      print(text(mount));
    } catch (const Error& error) {
      if (!findMount(mount)) continue;  // unmounted meanwhile
      ::fprintf(stderr, "emlfs: %s\n", errorLine(error).c_str());
      if (code == 0) code = static_cast<int>(exitCodeOf(error));
    }
  }
  return code;
}

}  // namespace

int statusCommand(const std::string& path, bool json) {
  const Style style = wantsColour(STDOUT_FILENO) ? Style::coloured : Style::plain;
  if (path.empty()) {
    const auto mounts = ownMounts();
    if (mounts.empty() && !json) print(kNothing);
    return statusOfEach(mounts, [&](const std::string& mount) {
      return json ? statusJsonLine(mount, ask({mount, mount}))
                  : statusLine(mount, ask({mount, mount}), style);
    });
  }
  if (const auto several = mountsIn(path)) {
    if (several->empty() && !json) print(kNothing);
    return statusOfEach(*several, [&](const std::string& mount) {
      return json ? statusJsonLine(mount, ask({mount, mount}))
                  : statusText(mount, ask({mount, mount}), style);
    });
  }
  const NamedMount mount = mountAround(path);
  const std::string status = ask(mount);
  print(json ? statusJson(status) : statusText(mount.name, status, style));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
