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
#include "app/prompt.h"
#include "app/secret_command.h"

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

Secret fromCommand(const PasswordRequest& request, const Event* interrupt) {
  return runSecretCommand({"password_command", "password", request.command, request.command_limit},
                          interrupt);
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

FoundPassword findPassword(const PasswordRequest& request) {
  const std::optional<Secret> environment = takeFromEnvironment();
  if (!request.command.empty()) return {fromCommand(request, nullptr), PasswordFrom::command};
  if (!request.file.empty()) return {fromFile(request.file), PasswordFrom::file};
  if (!request.given.empty()) return {request.given, PasswordFrom::config};
  if (auto password = fromCredentials(request.account))
    return {*password, PasswordFrom::credentials};
  if (environment) return {*environment, PasswordFrom::environment};
  if (auto password = fromNetrc(request)) return {*password, PasswordFrom::netrc};
  if (auto password =
          promptForPassword(fmt::format("Password for {} at {}: ", request.user, request.host)))
    return {*password, PasswordFrom::prompt};
  throw failure(
      Code::auth,
      fmt::format("no password for {} at {}: give password_command, password_file, password "
                  "(in the config file), "
                  "$CREDENTIALS_DIRECTORY/password, $EMLFS_PASSWORD or an entry in "
                  "~/.netrc, or run emlfs on a terminal",
                  request.user, request.host));
}

Secret findAgain(const PasswordRequest& request, const FoundPassword& found,
                 const Event* interrupt) {
  try {
    switch (found.from) {
      case PasswordFrom::command:
        return fromCommand(request, interrupt);
      case PasswordFrom::file:
        return fromFile(request.file);
      case PasswordFrom::netrc:
        if (auto password = fromNetrc(request)) return *password;
        throw badInput(
            fmt::format("~/.netrc has no {} at {} any more", request.user, request.host));
      case PasswordFrom::config:
      case PasswordFrom::credentials:
      case PasswordFrom::environment:
      case PasswordFrom::prompt:
        break;
    }
  } catch (const Error& error) {
    if (error.code == Code::cancelled) throw;
    throw Error(Code::auth, Scope::connection, error.what());
  }
  return found.password;
}

void clearPasswordVariable() {
  takeFromEnvironment();
}

const char* nameOf(PasswordFrom from) {
  switch (from) {
    case PasswordFrom::command:
      return "password_command";
    case PasswordFrom::file:
      return "password_file";
    case PasswordFrom::config:
      return "password in the config file";
    case PasswordFrom::credentials:
      return "$CREDENTIALS_DIRECTORY/password";
    case PasswordFrom::environment:
      return "$EMLFS_PASSWORD";
    case PasswordFrom::netrc:
      return "~/.netrc";
    case PasswordFrom::prompt:
      return "the prompt";
  }
  return "";
}

}  // namespace emlfs::app
