// CAPABILITY (RFC 9051 section 6.1.1) and ENABLE (RFC 5161).
#include "emlfs/base/log.h"
#include "imap/commands.h"

namespace emlfs::imap {

void askCapabilities(Connection& connection) {
  connection.forgetCapabilities();
  connection.runOk(Command("CAPABILITY"));
  if (!connection.capabilitiesKnown()) {
    throw Error(Code::protocol, Scope::connection, "the server did not tell its capabilities");
  }
}

// QRESYNC counts as there only if the server confirms it (some announce it and don't have it).
// CONDSTORE needs no ENABLE: EXAMINE (CONDSTORE) does the same.
void enableExtensions(Connection& connection) {
  if (!connection.has("QRESYNC")) return;
  bool enabled = false;
  if (connection.has("ENABLE")) {
    const StatusLine status = connection.run(Command("ENABLE").syntax("QRESYNC"), [&](Data&& data) {
      const auto* answer = std::get_if<EnabledData>(&data);
      if (answer != nullptr && answer->names.count("QRESYNC") != 0) enabled = true;
    });
    enabled = enabled && status.status == Status::ok;
  }
  std::set<std::string> names = connection.capabilities().names();
  if (enabled) {
    names.insert("CONDSTORE");  // QRESYNC implies it, whether it is announced or not
  } else {
    names.erase("QRESYNC");
    log::info("imap: the server did not enable QRESYNC; going on without");
  }
  connection.setCapabilities(std::move(names));
}

}  // namespace emlfs::imap
