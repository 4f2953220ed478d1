// EXAMINE and SELECT (RFC 9051 section 6.3.3, 6.3.2). With QRESYNC (RFC 7162 section 3.2.5) the
// answer holds what has changed since `known`; with CONDSTORE the mailbox keeps mod-sequences; else
// plain.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// What the changes of one EXAMINE may take in memory. Beyond, the caller lists anew in steps.
constexpr size_t kMaxChangeBytes = size_t{24} << 20;

constexpr std::string_view kCondstore = "(CONDSTORE)";

// PERMANENTFLAGS "(\Seen \*)".
PermanentFlags parsePermanentFlags(std::string_view list) {
  PermanentFlags permanent;
  std::vector<std::string> names;
  while (!list.empty()) {
    const size_t end = std::min(list.find_first_of(" ()"), list.size());
    const std::string_view name = list.substr(0, end);
    permanent.new_ones |= name == "\\*";
    if (!name.empty() && name != "\\*") names.emplace_back(name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  permanent.flags = Flags(std::move(names));
  return permanent;
}

class Answer {
 public:
  explicit Answer(const std::optional<Known>& known) : known_(known) {}

  void take(Data&& data) {
    if (const auto* line = std::get_if<StatusLine>(&data)) {
      takeCode(*line);
    } else if (const auto* exists = std::get_if<ExistsData>(&data)) {
      selected_.messages = exists->messages;
    } else if (auto* gone = std::get_if<VanishedData>(&data)) {
      takeVanished(gone->uids);
    } else if (auto* fetch = std::get_if<FetchData>(&data)) {
      takeChange(std::move(*fetch));
    } else if (const auto* unreadable = std::get_if<UnreadableData>(&data)) {
      incomplete_ |= unreadable->kind == "FETCH" || unreadable->kind == "VANISHED";
    }
  }

  Selected result() {
    if (!known_ || selected_.uid_validity != known_->uid_validity) {
      selected_.vanished = {};
      selected_.changed.clear();
    } else if (too_many_) {
      throw Error(Code::limit, Scope::mailbox,
                  "too much has changed in the mailbox to take at once");
    } else if (incomplete_) {
      throw Error(Code::protocol, Scope::mailbox,
                  "the server's list of changes in the mailbox can't be read");
    }
    return std::move(selected_);
  }

  void takeCode(const StatusLine& line) {
    if (line.code == "UIDVALIDITY") {
      selected_.uid_validity = parseNumber32(line.arguments).value_or(0);
    } else if (line.code == "UIDNEXT") {
      selected_.uid_next = parseNumber32(line.arguments).value_or(0);
    } else if (line.code == "HIGHESTMODSEQ") {
      selected_.highest_modseq = parseNumber(line.arguments).value_or(0);
    } else if (line.code == "NOMODSEQ") {
      selected_.highest_modseq = 0;
    } else if (line.code == "PERMANENTFLAGS") {
      selected_.permanent_flags = parsePermanentFlags(line.arguments);
    } else if (line.code == "READ-ONLY" || line.code == "READ-WRITE") {
      selected_.read_only = line.code == "READ-ONLY";
    } else if (line.code == "CLOSED") {
      selected_ = fresh();  // what came before it was about the mailbox that had been selected
      bytes_ = 0;
      incomplete_ = too_many_ = false;
    }
  }

 private:
  void takeVanished(const UidSet& uids) {
    if (!known_) return;
    for (const UidRange& range : uids.ranges()) {
      if (range.first > known_->listed_to) continue;
      if (spend(sizeof(UidRange))) {
        selected_.vanished.add({range.first, std::min(range.last, known_->listed_to)});
      }
    }
  }

  void takeChange(FetchData&& fetch) {
    if (!known_ || fetch.uid == 0 || fetch.uid > known_->listed_to || !fetch.flags) return;
    size_t bytes = sizeof(FlagChange);
    for (const std::string& name : fetch.flags->names()) bytes += sizeof(name) + name.size();
    if (spend(bytes)) {
      selected_.changed.push_back({fetch.uid, std::move(*fetch.flags), fetch.modseq});
    }
  }

  bool spend(size_t bytes) {
    bytes_ += bytes;
    too_many_ |= bytes_ > kMaxChangeBytes;
    return !too_many_;
  }

  static Selected fresh() {
    Selected selected;
    selected.read_only = false;  // until the server says so
    return selected;
  }

  std::optional<Known> known_;
  Selected selected_ = fresh();
  size_t bytes_ = 0;
  bool too_many_ = false;
  bool incomplete_ = false;
};

std::vector<Foretold> foretell(const Connection& connection, std::string_view wire,
                               const Next& next) {
  std::vector<Foretold> behind;
  const auto add = [&](std::vector<Foretold>&& commands) {
    std::ranges::move(commands, std::back_inserter(behind));
  };
  if (next.rights) add(nextRights(connection, wire));
  // Where the mailbox turns out to be without MODSEQs, it is asked again without.
  if (next.metadata) add(nextMetadata(*next.metadata, connection.has("CONDSTORE")));
  if (next.piece) add(nextPiece(*next.piece));
  return behind;
}

// `verb` is EXAMINE or SELECT.
Selected openMailbox(Connection& connection, const char* verb, std::string_view wire,
                     const std::optional<Known>& known, const std::vector<Foretold>& behind = {}) {
  requireName(wire);
  Command command(verb, connection.literals());
  command.string(wire);
  const bool resync = connection.has("QRESYNC") && known && known->uid_validity != 0 &&
                      known->modseq != 0 && known->listed_to != 0;
  if (resync) {
    command.syntax(fmt::format("(QRESYNC ({} {} 1:{}))", known->uid_validity, known->modseq,
                               known->listed_to));
  } else if (connection.has("CONDSTORE")) {
    command.syntax(kCondstore);
  }

  // A failed EXAMINE or SELECT leaves nothing selected, whatever was before.
  connection.selected = {};
  Answer answer(resync ? known : std::nullopt);
  const StatusLine status = connection.run(
      command, [&](Data&& data) { answer.take(std::move(data)); }, resync ? known->listed_to : 0,
      behind);
  // Dovecot refuses to open a mailbox that is gone without a code that says so. If LIST fails too,
  // nothing is known, and it counts as there.
  if (status.status == Status::no && status.code.empty() &&
      !isListed(connection, wire).value_or(true)) {
    throw Error(
        Code::not_found, Scope::mailbox,
        fmt::format("mailbox {} is gone: the server says: {}", printable(wire), status.text),
        status.text);
  }
  check(status, fmt::format("can't open mailbox {}", printable(wire)));
  answer.takeCode(status);
  Selected selected = answer.result();
  // Dovecot tells it unasked; without CONDSTORE nothing else speaks of MODSEQs, so it would
  // mislead.
  if (!connection.has("CONDSTORE")) selected.highest_modseq = 0;
  connection.selected = {std::string(wire),          selected.uid_validity,
                         selected.messages,          selected.highest_modseq != 0,
                         command.verb() == "SELECT", selected.read_only};
  return selected;
}

}  // namespace

Selected examineMailbox(Connection& connection, std::string_view wire,
                        const std::optional<Known>& known, const Next& next) {
  Selected selected =
      openMailbox(connection, "EXAMINE", wire, known, foretell(connection, wire, next));
  selected.read_only = true;
  return selected;
}

Selected examineBefore(Connection& connection, std::string_view wire,
                       const std::vector<Foretold>& behind) {
  return openMailbox(connection, "EXAMINE", wire, {}, behind);
}

std::vector<Foretold> nextExamine(const Connection& connection, std::string_view wire) {
  Command command("EXAMINE", connection.literals());
  command.string(wire);
  if (connection.has("CONDSTORE")) command.syntax(kCondstore);
  return foretell(command);
}

Selected selectMailbox(Connection& connection, std::string_view wire) {
  return openMailbox(connection, "SELECT", wire, {});
}

}  // namespace emlfs::imap
