// UID SEARCH of the UIDs that exist, as ranges with ESEARCH (RFC 4731), else as numbers.
#include <fmt/format.h>

#include <algorithm>

#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {

UidSet searchMessages(Connection& connection, Uid first, Uid last) {
  requireSelected(connection);
  UidSet uids;
  if (first == 0 || first > last) return uids;
  Command command("UID SEARCH");
  if (connection.has("ESEARCH")) command.syntax("RETURN (ALL)");
  command.syntax(fmt::format("UID {}:{}", first, last));

  bool answered = false;
  bool unreadable = false;
  const StatusLine status = connection.run(command, [&](Data&& data) {
    if (const auto* found = std::get_if<SearchData>(&data)) {
      answered = true;
      for (const UidRange& range : found->uids.ranges()) {
        if (range.last < first || range.first > last) continue;
        uids.add({std::max(range.first, first), std::min(range.last, last)});
      }
    } else if (const auto* other = std::get_if<UnreadableData>(&data)) {
      unreadable |= other->kind == "SEARCH" || other->kind == "ESEARCH";
    }
  });
  check(status, fmt::format("can't search mailbox {}", printable(connection.selected.wire)));
  // An OK without an answer must not pass for "none of them exists any more".
  if (unreadable || (!answered && connection.selected.messages > 0)) {
    throw Error(Code::protocol, Scope::mailbox,
                fmt::format("the server's answer to a search in mailbox {} can't be read",
                            printable(connection.selected.wire)));
  }
  return uids;
}

}  // namespace emlfs::imap
