// The commands of a session, a file for each. Each says which extension it uses and what it does
// without.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/imap/session.h"
#include "imap/connection.h"

namespace emlfs::imap {

// login.cc. Brings the connection to the authenticated state; gives the greeting.
// `interrupt` ends its waits.
std::string logIn(Connection& connection, const Endpoint& endpoint, const Secret& secret,
                  const Event& interrupt);

// authenticate.cc. The server refused the secret: another one may do.
struct SecretRefused : Error {
  using Error::Error;
};
void authenticate(Connection& connection, const Endpoint& endpoint, const Secret& secret,
                  const Event& interrupt);

// capability.cc
void askCapabilities(Connection& connection);
void enableExtensions(Connection& connection);

// compress.cc. What the server offers and isn't used is no capability any more.
void compressIfFar(Connection& connection);

// namespace.cc. Empty if the server tells none.
std::vector<Namespace> fetchNamespaces(Connection& connection);

// list.cc
std::vector<ListEntry> listBelow(Connection& connection, std::string_view wire, char delimiter);
std::vector<ListEntry> listMailboxes(Connection& connection,
                                     const std::vector<Namespace>& namespaces);
std::vector<Foretold> nextList(const Connection& connection);
// "INBOX" in any case is INBOX; other names stay as they are.
std::string canonicalName(std::string wire);

// Whether the server lists the mailbox as one that can be selected; absent if LIST failed.
std::optional<bool> isListed(Connection& connection, std::string_view wire);

// status.cc
MailboxStatus mailboxStatus(Connection& connection, std::string_view wire);
std::string statusItems(const Connection& connection);

// examine.cc
Selected examineMailbox(Connection& connection, std::string_view wire,
                        const std::optional<Known>& known, const Next& next = {});
// EXAMINE with commands behind it, and as one of those.
Selected examineBefore(Connection& connection, std::string_view wire,
                       const std::vector<Foretold>& behind);
std::vector<Foretold> nextExamine(const Connection& connection, std::string_view wire);
Selected selectMailbox(Connection& connection, std::string_view wire);

// What a session will run next, as it will run it: each is in the file of its command.
std::vector<Foretold> nextRights(const Connection& connection, std::string_view wire);
std::vector<Foretold> nextMetadata(UidRange uids, bool modseqs);
std::vector<Foretold> nextPiece(const Next::Piece& piece);

// selection.cc
void requireSelected(const Connection& connection);  // Error(invalid, mailbox)
void requireWritable(const Connection& connection);  // ... or Error(denied, mailbox)
void unselectMailbox(Connection& connection);

// fetch_messages.cc
void fetchMessages(Connection& connection, Uid first, Uid last,
                   const std::function<void(MessageMeta&&)>& each,
                   std::optional<UidRange> then = {});
void fetchFlagChanges(Connection& connection, Uid first, Uid last, ModSeq since,
                      const std::function<void(FlagChange&&)>& each);

// fetch_body.cc
BodyPiece fetchBodyPiece(Connection& connection, Uid uid, uint64_t offset, uint32_t count);

// fetch_bodies.cc
void fetchBodies(Connection& connection, const std::vector<WantedBodies>& wanted, uint64_t most,
                 const std::function<void(size_t, Uid, std::string&&)>& each);

// listen.cc
void takePush(std::string_view verb, const Data& data, Push& push);
void startNotify(Connection& connection);
void listenForPush(Connection& connection, Deadline deadline, const Event& wake);

// search.cc
UidSet searchMessages(Connection& connection, Uid first, Uid last);

// copy.cc
std::optional<CopiedUids> copyMessages(Connection& connection, const UidSet& uids,
                                       std::string_view to);
std::optional<CopiedUids> moveMessages(Connection& connection, const UidSet& uids,
                                       std::string_view to);

// store.cc
std::vector<FlagChange> storeFlags(Connection& connection, const UidSet& uids,
                                   Session::Change change, const Flags& flags);

// expunge.cc
void expungeMessages(Connection& connection, const UidSet& uids);

// append.cc
std::optional<AppendedUids> appendMessages(Connection& connection, std::string_view to,
                                           const std::vector<NewMessage>& messages);

// manage.cc
void requireName(std::string_view wire);  // Error(invalid, mailbox)
void createMailbox(Connection& connection, std::string_view wire);
void removeMailbox(Connection& connection, std::string_view wire);
void renameMailbox(Connection& connection, std::string_view from, std::string_view to);
void subscribeMailbox(Connection& connection, std::string_view wire);
void unsubscribeMailbox(Connection& connection, std::string_view wire);

// rights.cc
std::optional<std::string> rightsOn(Connection& connection, std::string_view wire);
std::optional<Quota> quotaOf(Connection& connection, std::string_view wire);

}  // namespace emlfs::imap
