#include "app/restart.h"

#include <sys/wait.h>

#include <algorithm>

#include "app/exit_code.h"

namespace emlfs::app {
namespace {

struct Pauses {
  Milliseconds first;
  Milliseconds longest;
};

constexpr Pauses kUsual{Milliseconds{5'000}, Milliseconds{300'000}};
constexpr Pauses kAfterRefusal{Milliseconds{600'000}, Milliseconds{3'600'000}};

std::optional<Pauses> pausesAfter(int status) {
  if (!WIFEXITED(status)) return kUsual;  // it crashed, or was killed
  switch (static_cast<ExitCode>(WEXITSTATUS(status))) {
    case ExitCode::ok:
    case ExitCode::usage:
    case ExitCode::mount:
    case ExitCode::incomplete:
    case ExitCode::damaged:
      return std::nullopt;
    case ExitCode::auth:
      return kAfterRefusal;
    case ExitCode::other:
    case ExitCode::busy:  // another mount of the account may end
    case ExitCode::network:
    case ExitCode::tls:
    case ExitCode::server:
      return kUsual;
  }
  return kUsual;
}

}  // namespace

std::optional<Milliseconds> restartPause(int status, unsigned failures) {
  const auto pauses = pausesAfter(status);
  if (!pauses) return std::nullopt;
  Milliseconds pause = pauses->first;
  for (unsigned i = 1; i < failures && pause < pauses->longest; ++i) pause *= 2;
  return std::min(pause, pauses->longest);
}

}  // namespace emlfs::app
