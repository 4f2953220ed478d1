#include "app/secret_command.h"

#include <fmt/format.h>

#include <utility>

#include "app/printable.h"
#include "app/process.h"
#include "emlfs/base/error.h"

namespace emlfs::app {
namespace {

Error unavailable(const std::string& what) {
  return {Code::auth, Scope::connection, what};
}

std::string lastLine(std::string_view text) {
  constexpr size_t kMost = 200;
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == text.npos) return {};
  text = text.substr(0, end + 1);
  return printable(text.substr(text.find_last_of("\r\n") + 1), kMost);
}

}  // namespace

Secret runSecretCommand(const SecretCommand& command, const Event* interrupt) {
  try {
    const Finished finished =
        run({"/bin/sh", "-c", command.script}, command.limit, Capture::standard_output, interrupt);
    const auto because = [&] {
      const std::string line = lastLine(finished.complaint);
      return line.empty() ? "" : ": " + line;
    };
    if (!finished.succeeded())
      throw unavailable(fmt::format("{} failed: {}{}", command.option,
                                    describeStatus(finished.status), because()));
    Secret secret = firstLine(finished.output.reveal());
    if (secret.empty())
      throw unavailable(
          fmt::format("{} printed no {}{}", command.option, command.gives, because()));
    return secret;
  } catch (const Error& error) {
    if (error.code == Code::auth || error.code == Code::cancelled) throw;
    throw unavailable(fmt::format("{}: {}", command.option, error.what()));
  }
}

Secret firstLine(std::string_view text) {
  std::string line;
  // Long enough for the heap: a short string would be copied about in passing it on.
  line.reserve(256);
  line.append(text.substr(0, text.find_first_of("\r\n")));
  return Secret(std::move(line));
}

}  // namespace emlfs::app
