// STATUS (RFC 9051 section 6.3.11), with HIGHESTMODSEQ where there is CONDSTORE (RFC 7162).
#include <fmt/format.h>

#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {

std::string statusItems(const Connection& connection) {
  return connection.has("CONDSTORE") ? "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"
                                     : "(MESSAGES UIDNEXT UIDVALIDITY)";
}

MailboxStatus mailboxStatus(Connection& connection, std::string_view wire) {
  Command command("STATUS", connection.literals());
  command.string(wire).syntax(statusItems(connection));
  const std::string asked = canonicalName(std::string(wire));
  std::optional<MailboxStatus> status;
  const StatusLine line = connection.run(command, [&](Data&& data) {
    auto* answer = std::get_if<StatusData>(&data);
    if (answer != nullptr && canonicalName(std::move(answer->wire)) == asked) {
      status = answer->status;
    }
  });
  // As of EXAMINE: not every server says by a code that it is gone.
  if (line.status == Status::no && line.code.empty() && !isListed(connection, wire).value_or(true))
    throw Error(Code::not_found, Scope::mailbox,
                fmt::format("mailbox {} is gone: the server says: {}", printable(wire), line.text),
                line.text);
  check(line, fmt::format("no status of mailbox {}", printable(wire)));
  if (!status) {
    throw Error(Code::protocol, Scope::mailbox,
                fmt::format("the server gave no status of mailbox {}", printable(wire)));
  }
  return *status;
}

}  // namespace emlfs::imap
