// UID FETCH of metadata and flags, given on as they come: memory does not grow with their number.
// MODSEQ and CHANGEDSINCE need CONDSTORE (RFC 7162); without, all flags are given.
// Header fields instead of ENVELOPE: broken ones are the program's own business then, and cheaper.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "imap/batches.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// Runs the FETCH and gives every answer about what was asked for. If one can't be read the list is
// not whole, and nobody may believe that it is.
void fetchEach(Connection& connection, const Command& command, const UidSet& asked,
               const std::function<void(FetchData&&)>& each,
               const std::vector<Foretold>& behind = {}) {
  bool incomplete = false;
  const StatusLine status = connection.run(
      command,
      [&](Data&& data) {
        if (auto* fetch = std::get_if<FetchData>(&data)) {
          if (asked.contains(fetch->uid)) each(std::move(*fetch));
        } else if (const auto* unreadable = std::get_if<UnreadableData>(&data)) {
          incomplete |= unreadable->kind == "FETCH";
        }
      },
      asked.size(), behind);
  check(status, fmt::format("can't list mailbox {}", printable(connection.selected.wire)));
  if (incomplete) {
    throw Error(Code::protocol, Scope::mailbox,
                fmt::format("the server described a message of mailbox {} in a way that can't be "
                            "read",
                            printable(connection.selected.wire)));
  }
}

// Makes entries of the answers. A server may describe one message in several (RFC 9051 section
// 7.5.2), so what isn't whole waits for the rest; an entry is given once.
class Entries {
 public:
  explicit Entries(const std::function<void(MessageMeta&&)>& each) : each_(each) {}

  void take(FetchData&& fetch) {
    if (given_.contains(fetch.uid)) return;
    const auto waiting = waiting_.find(fetch.uid);
    // Only flags: news that nobody asked for, and not a message's entry.
    if (waiting == waiting_.end() && !fetch.header && !fetch.size && !fetch.date) return;
    if (waiting != waiting_.end()) {
      merge(std::move(waiting->second), fetch);
      waiting_.erase(waiting);
    }
    if (whole(fetch)) {
      give(std::move(fetch));
    } else if (waiting_.size() < kMaxWaiting) {
      waiting_.emplace(fetch.uid, std::move(fetch));
    } else {
      throw Error(Code::protocol, Scope::mailbox, "the server describes messages only in part");
    }
  }

  // What the server has described in part, to be asked for again.
  UidSet incomplete() const {
    UidSet uids;
    for (const auto& [uid, fetch] : waiting_) uids.add(uid);
    return uids;
  }
  void forgetIncomplete() { waiting_.clear(); }
  void giveIncomplete() {
    for (auto& [uid, fetch] : std::exchange(waiting_, {})) give(std::move(fetch));
  }

 private:
  static constexpr size_t kMaxWaiting = 1000;

  static bool whole(const FetchData& fetch) {
    return fetch.header && fetch.size && (*fetch.size != 0 || !fetch.header->empty());
  }

  static void merge(FetchData&& older, FetchData& newer) {
    if (!newer.flags) newer.flags = std::move(older.flags);
    if (!newer.date) newer.date = older.date;
    if (!newer.size) newer.size = older.size;
    if (!newer.header) newer.header = std::move(older.header);
    if (newer.modseq == 0) newer.modseq = older.modseq;
  }

  void give(FetchData&& fetch) {
    given_.add(fetch.uid);
    MessageMeta meta;
    meta.uid = fetch.uid;
    if (fetch.flags) meta.flags = std::move(*fetch.flags);
    meta.date = fetch.date.value_or(InternalDate{});
    meta.size = fetch.size.value_or(0);
    meta.modseq = fetch.modseq;
    if (fetch.header) meta.header = parseHeaderFields(*fetch.header);
    each_(std::move(meta));
  }

  const std::function<void(MessageMeta&&)>& each_;
  UidSet given_;
  std::map<Uid, FetchData> waiting_;
};

std::string whatIsAsked(bool modseqs) {
  return fmt::format(
      "(UID FLAGS INTERNALDATE RFC822.SIZE{} "
      "BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT MESSAGE-ID)])",
      modseqs ? " MODSEQ" : "");
}

}  // namespace

std::vector<Foretold> nextMetadata(UidRange uids, bool modseqs) {
  UidSet asked;
  asked.add(uids);
  return foretell(Command("UID FETCH").syntax(asked.text()).syntax(whatIsAsked(modseqs)),
                  asked.size());
}

// A message that another client removes in that moment is described as well, by Dovecot as one of
// 1970 without size and header, and with OK (RFC 5530 calls that EXPUNGEISSUED). So what isn't
// whole is asked for again, after the server had occasion to tell what is gone.
void fetchMessages(Connection& connection, Uid first, Uid last,
                   const std::function<void(MessageMeta&&)>& each, std::optional<UidRange> then) {
  requireSelected(connection);
  if (first == 0 || first > last) return;
  Entries entries(each);
  const bool modseqs = connection.selected.modseqs;
  const auto ask = [&](const UidSet& uids, const UidSet& welcome,
                       const std::vector<Foretold>& behind) {
    Command command("UID FETCH");
    command.syntax(uids.text()).syntax(whatIsAsked(modseqs));
    fetchEach(
        connection, command, welcome, [&](FetchData&& fetch) { entries.take(std::move(fetch)); },
        behind);
  };
  UidSet asked;
  asked.add(UidRange{first, last});
  // Dovecot may answer the next FETCH before it says that it has done the first.
  UidSet welcome = asked;
  if (then) welcome.add(*then);
  ask(asked, welcome, then ? nextMetadata(*then, modseqs) : std::vector<Foretold>());
  const UidSet incomplete = entries.incomplete();
  if (incomplete.empty()) return;
  entries.forgetIncomplete();
  connection.runOk(Command("NOOP"));
  eachBatch(incomplete, octetsBeside(""), [&](const UidSet& part) { ask(part, part, {}); });
  entries.giveIncomplete();
}

void fetchFlagChanges(Connection& connection, Uid first, Uid last, ModSeq since,
                      const std::function<void(FlagChange&&)>& each) {
  requireSelected(connection);
  if (first == 0 || first > last) return;
  const bool modseqs = connection.selected.modseqs;
  Command command("UID FETCH");
  command.syntax(fmt::format("{}:{} (UID FLAGS{})", first, last, modseqs ? " MODSEQ" : ""));
  if (modseqs && since != 0) command.syntax(fmt::format("(CHANGEDSINCE {})", since));
  UidSet asked;
  asked.add(UidRange{first, last});
  fetchEach(connection, command, asked, [&](FetchData&& fetch) {
    if (fetch.flags) each({fetch.uid, std::move(*fetch.flags), fetch.modseq});
  });
}

}  // namespace emlfs::imap
