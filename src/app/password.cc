#include "app/password.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <cstring>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "app/failure.h"
#include "app/netrc.h"
#include "app/paths.h"
#include "app/private_file.h"
#include "app/process.h"
#include "app/prompt.h"

namespace emlfs::app {
namespace {

// Also overwritten in place, so that /proc/PID/environ doesn't show it.
std::optional<Secret> takeFromEnvironment() {
  char* value = std::getenv("EMLFS_PASSWORD");
  if (value == nullptr) return std::nullopt;
  Secret password = firstLine(value);
  ::explicit_bzero(value, ::strlen(value));
  ::unsetenv("EMLFS_PASSWORD");
  if (password.empty()) return std::nullopt;
  return password;
}

Secret fromCommand(const PasswordRequest& request) {
  try {
    const Finished finished =
        run({"/bin/sh", "-c", request.command}, request.command_limit, Capture::standard_output);
    if (!finished.succeeded())
      throw failure(Code::auth,
                    fmt::format("password_command failed: {}", describeStatus(finished.status)));
    Secret password = firstLine(finished.output.reveal());
    if (password.empty()) throw failure(Code::auth, "password_command printed no password");
    return password;
  } catch (const Error& error) {
    if (error.code == Code::auth) throw;
    throw failure(Code::auth, fmt::format("password_command: {}", error.what()));
  }
}

Secret fromFile(const std::string& path) {
  const auto content = readPrivateFile(path, "password_file");
  if (!content) throw badInput(fmt::format("password_file {} does not exist", path));
  Secret password = firstLine(content->reveal());
  if (password.empty())
    throw badInput(fmt::format("password_file {}: its first line is empty", path));
  return password;
}

// No check of the mode: systemd owns that directory, and its access lists show as group rights.
std::optional<Secret> fromCredentials(const std::string& account) {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory == '\0') return std::nullopt;
  for (const std::string& name :
       {account.empty() ? "" : account + ".password", std::string("password")}) {
    if (name.empty()) continue;
    const std::string path = std::string(directory) + "/" + name;
    const auto content = readSecretFile(path);
    if (!content) continue;
    Secret password = firstLine(content->reveal());
    if (password.empty()) throw badInput(fmt::format("{}: its first line is empty", path));
    return password;
  }
  return std::nullopt;
}

std::optional<Secret> fromNetrc(const PasswordRequest& request) {
  const std::string path = homeDirectory() + "/.netrc";
  const auto content = readSecretFile(path);
  if (!content) return std::nullopt;
  auto password = findInNetrc(content->reveal(), request.host, request.user);
  // Only now: a file that isn't used is nobody's concern.
  if (password) requirePrivate(path, path);
  return password;
}

}  // namespace

PasswordRequest passwordRequest(const Settings& settings) {
  PasswordRequest request;
  request.command = settings.options.password_command;
  request.file = settings.options.password_file;
  request.given = settings.options.password;
  request.account = settings.account;
  request.user = settings.source.user;
  request.host = settings.source.host;
  return request;
}

Secret findPassword(const PasswordRequest& request) {
  const std::optional<Secret> environment = takeFromEnvironment();
  if (!request.command.empty()) return fromCommand(request);
  if (!request.file.empty()) return fromFile(request.file);
  if (!request.given.empty()) return request.given;
  if (auto password = fromCredentials(request.account)) return *password;
  if (environment) return *environment;
  if (auto password = fromNetrc(request)) return *password;
  if (auto password =
          promptForPassword(fmt::format("Password for {} at {}: ", request.user, request.host)))
    return *password;
  throw failure(Code::auth,
                fmt::format("no password for {} at {}: give password_command, password_file, "
                            "$CREDENTIALS_DIRECTORY/password, $EMLFS_PASSWORD or an entry in "
                            "~/.netrc, or run emlfs on a terminal",
                            request.user, request.host));
}

Secret firstLine(std::string_view text) {
  std::string line;
  // Long enough for the heap: a short string would be copied about in passing it on.
  line.reserve(256);
  line.append(text.substr(0, text.find_first_of("\r\n")));
  return Secret(std::move(line));
}

}  // namespace emlfs::app
