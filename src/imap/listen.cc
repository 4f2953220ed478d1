// What the server says unasked: NOTIFY (RFC 5465) for all mailboxes on one connection, else IDLE
// (RFC 2177) for the one that is selected.
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

constexpr size_t kMostStatuses = 100'000;
constexpr size_t kLongestName = 4'096;

}  // namespace

// What a command asked for is no push; but what another client does is also told in between.
void takePush(std::string_view verb, const Data& data, Push& push) {
  const bool listing = verb == "LIST" || verb == "STATUS";
  if (const auto* status = std::get_if<StatusData>(&data)) {
    if (listing) return;
    // Of a server that makes names up, or can't stop, a look at the list tells more.
    push.mailboxes |= push.statuses.size() >= kMostStatuses || status->wire.size() > kLongestName;
    if (!push.mailboxes) push.statuses[canonicalName(status->wire)] = status->status;
  } else if (std::holds_alternative<ListEntry>(data)) {
    push.mailboxes |= !listing;
  } else if (std::holds_alternative<ExistsData>(data) ||
             std::holds_alternative<ExpungeData>(data)) {
    push.selected |= verb != "EXAMINE" && verb != "SELECT";
  } else if (const auto* gone = std::get_if<VanishedData>(&data)) {
    push.selected |= !gone->earlier;
  } else if (std::holds_alternative<FetchData>(data)) {
    push.selected |= verb.empty() || verb == "IDLE" || verb == "NOOP";
  } else if (const auto* line = std::get_if<StatusLine>(&data)) {
    push.overflow |= line->code == "NOTIFICATIONOVERFLOW";
  } else if (std::holds_alternative<UnreadableData>(data) && (verb.empty() || verb == "IDLE")) {
    push.selected = push.mailboxes = true;  // something happened, whatever it was
  }
}

void startNotify(Connection& connection) {
  // A selected mailbox would be spoken of in another way than the others.
  unselectMailbox(connection);
  const StatusLine status = connection.run(
      Command("NOTIFY").syntax("SET STATUS (selected-delayed (MessageNew MessageExpunge "
                               "FlagChange)) (personal (MessageNew MessageExpunge FlagChange "
                               "MailboxName))"));
  check(status, "the server won't tell of changes (NOTIFY)");
}

void listenForPush(Connection& connection, Deadline deadline, const Event& wake) {
  if (connection.selected.wire.empty() || !connection.has("IDLE"))
    connection.listen(deadline, wake);
  else
    connection.idle(deadline, wake);
}

}  // namespace emlfs::imap
