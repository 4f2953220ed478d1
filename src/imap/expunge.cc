// UID EXPUNGE (RFC 4315 section 2.1). A bare EXPUNGE is never sent: it takes other clients'
// deletions too.
#include <fmt/format.h>

#include "imap/batches.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {

void expungeMessages(Connection& connection, const UidSet& uids) {
  requireWritable(connection);
  if (!connection.has("UIDPLUS")) {
    throw Error(Code::invalid, Scope::mailbox,
                "the server can't expunge single messages (UIDPLUS)");
  }
  eachBatch(uids, octetsBeside(""), [&](const UidSet& batch) {
    const StatusLine status =
        connection.run(Command("UID EXPUNGE").syntax(batch.text()), {}, batch.size());
    check(status,
          fmt::format("can't expunge messages of mailbox {}", printable(connection.selected.wire)));
  });
}

}  // namespace emlfs::imap
