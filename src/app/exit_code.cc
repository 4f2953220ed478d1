#include "app/exit_code.h"

#include <fmt/format.h>

#include "app/failure.h"
#include "app/printable.h"

namespace emlfs::app {
namespace {

constexpr ExitCodeRow kRows[] = {
    {ExitCode::ok, "done; for mount: the mount works"},
    {ExitCode::other, "any other failure"},
    {ExitCode::usage, "bad input: command line, options, config file, mount point"},
    {ExitCode::network, "the server can't be reached, or makes no progress"},
    {ExitCode::tls, "no TLS, or a certificate that can't be trusted"},
    {ExitCode::auth, "the server refused user, password or token, or there is none to be had"},
    {ExitCode::busy, "the mount point or the cache is in use"},
    {ExitCode::mount, "the kernel or fusermount3 refused to mount or unmount"},
    {ExitCode::server, "the server refused a command, or doesn't speak IMAP"},
    {ExitCode::incomplete,
     "not everything is in the cache (fetch), can be sent (flush, journal retry), is exported"},
    {ExitCode::damaged, "cache: it is damaged"},
};

ExitCode ofCode(Code code) {
  switch (code) {
    case Code::network:
    case Code::timeout:
      return ExitCode::network;
    case Code::tls:
      return ExitCode::tls;
    case Code::auth:
      return ExitCode::auth;
    case Code::busy:
      return ExitCode::busy;
    case Code::invalid:
      return ExitCode::usage;
    case Code::refused:
    case Code::denied:
    case Code::quota:
    case Code::exists:
    case Code::protocol:
    case Code::limit:
      return ExitCode::server;
    case Code::damaged:
      return ExitCode::damaged;
    case Code::cancelled:
    case Code::not_found:
    case Code::stale:
    case Code::size_changed:
    case Code::not_permitted:
    case Code::not_empty:
    case Code::system:
      return ExitCode::other;
  }
  return ExitCode::other;
}

}  // namespace

std::span<const ExitCodeRow> exitCodeTable() {
  return kRows;
}

std::string exitCodeHelp() {
  std::string text = "Exit codes:\n";
  for (const ExitCodeRow& row : kRows)
    text += fmt::format("{:3}  {}\n", static_cast<int>(row.code), row.meaning);
  return text;
}

ExitCode exitCodeOf(const std::exception& error) {
  if (dynamic_cast<const MountError*>(&error) != nullptr) return ExitCode::mount;
  const auto* own = dynamic_cast<const Error*>(&error);
  return own != nullptr ? ofCode(own->code) : ExitCode::other;
}

std::string errorLine(const std::exception& error) {
  std::string line = error.what();
  const auto* own = dynamic_cast<const Error*>(&error);
  // Some messages quote the server themselves.
  if (own != nullptr && line.find(own->server) == std::string::npos)
    line += "; the server said: " + own->server;
  return printable(line);
}

}  // namespace emlfs::app
