// What commands on messages need, and UNSELECT (RFC 3691).
#include "imap/commands.h"

namespace emlfs::imap {

void requireSelected(const Connection& connection) {
  if (!connection.selected.wire.empty()) return;
  throw Error(Code::invalid, Scope::mailbox, "no mailbox is selected");
}

void requireWritable(const Connection& connection) {
  requireSelected(connection);
  if (!connection.selected.selected) {
    throw Error(Code::invalid, Scope::mailbox, "the mailbox is selected only for reading");
  }
  if (connection.selected.read_only) {
    throw Error(Code::denied, Scope::mailbox, "the server lets this user only read the mailbox");
  }
}

// Without UNSELECT there is only CLOSE, which expunges unless the mailbox was examined.
void unselectMailbox(Connection& connection) {
  if (connection.selected.wire.empty()) return;
  const bool unselect = connection.has("UNSELECT");
  if (!unselect && connection.selected.selected) {
    try {
      examineMailbox(connection, std::string(connection.selected.wire), {});
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox) throw;
      return;  // after a failed EXAMINE nothing is selected
    }
  }
  if (!unselect && !connection.selected.read_only) {
    throw Error(Code::protocol, Scope::connection,
                "the server can't leave a mailbox without expunging it");
  }
  connection.selected = {};
  connection.runOk(Command(unselect ? "UNSELECT" : "CLOSE"));
}

}  // namespace emlfs::imap
