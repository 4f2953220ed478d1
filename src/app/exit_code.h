// The exit codes of emlfs: stable, for scripts and systemd units.
#pragma once

#include <exception>
#include <span>
#include <string>

namespace emlfs::app {

enum class ExitCode {
  ok = 0,
  other = 1,       // anything that has no code of its own
  usage = 2,       // bad input: command line, options, config file, mount point, password file
  network = 3,     // the server can't be reached, or makes no progress
  tls = 4,         // no TLS, or a certificate that can't be trusted
  auth = 5,        // the server refused the user or the password, or no password was found
  busy = 6,        // the mount point or the cache is in use
  mount = 7,       // the kernel or fusermount3 refused to mount or unmount
  server = 8,      // the server refused a command, or doesn't speak IMAP
  incomplete = 9,  // not everything: fetch: is in the cache; flush: can be sent; journal: exported
  damaged = 10,    // the cache is damaged
};

struct ExitCodeRow {
  ExitCode code;
  const char* meaning;
};

// The table above, in its order.
std::span<const ExitCodeRow> exitCodeTable();

// The same as text, for --help.
std::string exitCodeHelp();

ExitCode exitCodeOf(const std::exception& error);

// One printable line for standard error, with the server's words if it had any; without "emlfs: ".
std::string errorLine(const std::exception& error);

}  // namespace emlfs::app
