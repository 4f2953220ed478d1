// CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 9051 section 6.3.4 to 6.3.8). Not every
// server says by a code (RFC 5530) that a mailbox is there or isn't: then LIST tells.
#include <fmt/format.h>

#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

void refuseInbox(std::string_view wire, const char* what) {
  if (canonicalName(std::string(wire)) != "INBOX") return;
  throw Error(Code::invalid, Scope::mailbox, fmt::format("INBOX can't be {}", what));
}

bool saysNothing(const StatusLine& status) {
  return status.status == Status::no && status.code.empty();
}

void checkOn(Connection& connection, const StatusLine& status, std::string_view wire,
             std::string_view what) {
  if (saysNothing(status) && !isListed(connection, wire).value_or(true)) {
    throw Error(Code::not_found, Scope::mailbox,
                fmt::format("can't {} mailbox {}: it is gone: the server says: {}", what,
                            printable(wire), status.text),
                status.text);
  }
  check(status, fmt::format("can't {} mailbox {}", what, printable(wire)));
}

void checkNew(Connection& connection, const StatusLine& status, std::string_view wire,
              std::string_view what) {
  if (!saysNothing(status) || !isListed(connection, wire).value_or(false)) return;
  throw Error(Code::exists, Scope::mailbox,
              fmt::format("can't {}: there is a mailbox {} already: the server says: {}", what,
                          printable(wire), status.text),
              status.text);
}

StatusLine run(Connection& connection, std::string_view verb, std::string_view wire) {
  requireName(wire);
  return connection.run(Command(verb, connection.literals()).string(wire));
}

void leave(Connection& connection, std::string_view wire) {
  if (connection.selected.wire == wire) unselectMailbox(connection);
}

}  // namespace

void requireName(std::string_view wire) {
  if (wire.empty()) throw Error(Code::invalid, Scope::mailbox, "a mailbox needs a name");
}

void createMailbox(Connection& connection, std::string_view wire) {
  const StatusLine status = run(connection, "CREATE", wire);
  checkNew(connection, status, wire, "create it");
  check(status, fmt::format("can't create mailbox {}", printable(wire)));
}

void removeMailbox(Connection& connection, std::string_view wire) {
  refuseInbox(wire, "removed");
  leave(connection, wire);
  checkOn(connection, run(connection, "DELETE", wire), wire, "remove");
}

void renameMailbox(Connection& connection, std::string_view from, std::string_view to) {
  refuseInbox(from, "renamed: its messages would be moved instead");
  requireName(from);
  requireName(to);
  leave(connection, from);
  const StatusLine status =
      connection.run(Command("RENAME", connection.literals()).string(from).string(to));
  checkNew(connection, status, to, "rename");
  checkOn(connection, status, from, "rename");
}

void subscribeMailbox(Connection& connection, std::string_view wire) {
  checkOn(connection, run(connection, "SUBSCRIBE", wire), wire, "subscribe to");
}

void unsubscribeMailbox(Connection& connection, std::string_view wire) {
  checkOn(connection, run(connection, "UNSUBSCRIBE", wire), wire, "unsubscribe from");
}

}  // namespace emlfs::imap
