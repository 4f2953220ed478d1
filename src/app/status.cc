// emlfs status MOUNTPOINT
#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

#include <cerrno>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/live_status.h"
#include "app/status_text.h"
#include "app/terminal.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kAnswerLimit{10'000};

std::string ask(const std::string& path) {
  const std::string mount_point = requireEmlfsMount(path);
  LiveStatus status = askMount(mount_point, kAnswerLimit);
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

int statusCommand(const std::string& path, bool json) {
  const std::string status = ask(path);
  const Style style = wantsColour(STDOUT_FILENO) ? Style::coloured : Style::plain;
  const std::string text = json ? statusJson(status) : statusText(path, status, style);
  if (::fwrite(text.data(), 1, text.size(), stdout) != text.size() || ::fflush(stdout) != 0)
    throw systemError("standard output", errno);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace emlfs::app
