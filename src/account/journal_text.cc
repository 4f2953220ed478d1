#include "account/journal_text.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "account/pages.h"
#include "account/shown_path.h"
#include "account/times.h"
#include "emlfs/base/error.h"
#include "emlfs/sync/parked.h"
#include "emlfs/sync/pending.h"

namespace emlfs {
namespace {

using Json = nlohmann::json;
using store::Change;

constexpr size_t kLongestWords = 500;  // of what a server says
constexpr size_t kMostInStatus = 10;

// As a person would call it: `rm` is a flag that is set.
const char* kindOf(const Change& change) {
  switch (change.kind) {
    case Change::Kind::move:
      return "move";
    case Change::Kind::flags:
      if (change.add.has("\\Deleted")) return "delete";
      return change.remove.has("\\Deleted") ? "undelete" : "flags";
    case Change::Kind::append:
      return "append";
    case Change::Kind::create_mailbox:
      return "create_mailbox";
    case Change::Kind::rename_mailbox:
      return "rename_mailbox";
    case Change::Kind::remove_mailbox:
      return "remove_mailbox";
    case Change::Kind::expunge:
      return "expunge";
  }
  return "";
}

const char* stateOf(const Change& change) {
  switch (change.state) {
    case Change::State::pending:
      return "pending";
    case Change::State::begun:
    case Change::State::copied:
      return "sent";
    case Change::State::parked:
      return "refused";
  }
  return "";
}

Json entryOf(const JournalContents& journal, const Change& change) {
  Json one{{"number", change.number},
           {"kind", kindOf(change)},
           {"state", stateOf(change)},
           {"since", iso8601(static_cast<std::time_t>(change.acknowledged))}};
  const auto put = [&](const char* name, const auto& value) {
    if (value != std::decay_t<decltype(value)>{}) one[name] = value;
  };
  put("from", sync::mailboxName(change.source.mailbox));
  put("to", sync::mailboxName(change.mailbox));
  put("other", sync::mailboxName(change.other));
  put("uid", change.source.uid);
  put("uid_validity", change.source.uid_validity);
  put("message_id", change.source.message_id.substr(0, kLongestWords));
  put("size", std::max(change.source.size, change.size));
  put("add", change.add.text());
  put("remove", change.remove.text());
  if (change.kind == Change::Kind::append) put("spool", journal.spool + "/" + change.spool);
  if (const auto message = journal.snapshot.message(change.id)) {
    one["name"] = message->name;
    if (const auto path = shownPath(journal.snapshot, *message)) one["path"] = *path;
  } else if (const auto given = journal.name_of(change.id)) {
    one["name"] = *given;
  }
  if (change.state == Change::State::parked) {
    one["error"] = name(change.error);
    one["server"] = change.server.substr(0, kLongestWords);
  }
  return one;
}

}  // namespace

std::string journalJson(const JournalContents& journal, uint64_t after) {
  Page page(Json{{"changes", Json::array()}});
  for (const Change& change : journal.changes)
    if (change.number > after && !page.add("changes", entryOf(journal, change), change.number))
      break;
  return page.take();
}

void addJournal(Json& status, const JournalContents& journal, std::time_t now) {
  std::map<std::string, uint64_t> kinds;
  int64_t oldest = now;
  uint64_t pending = 0;
  Json refused = Json::array();
  uint64_t parked = 0;
  for (const Change& change : journal.changes) {
    if (change.state == Change::State::parked) {
      if (++parked <= kMostInStatus) refused.push_back(entryOf(journal, change));
      continue;
    }
    if (sync::lacksUid(change)) continue;  // the server has it
    ++pending;
    ++kinds[kindOf(change)];
    oldest = std::min(oldest, change.acknowledged);
  }
  status["changes"] = {{"pending", pending},
                       {"kinds", kinds},
                       {"oldest_seconds", now - oldest},
                       {"refused", parked},
                       {"held_deletions", sync::heldDeletions(journal.changes)}};
  status["refused"] = std::move(refused);
}

JournalCommand parseJournalCommand(std::string_view words) {
  const auto bad = [] {
    return Error(Code::invalid, Scope::message,
                 R"(a command is "retry all", "retry" or "drop" with numbers)");
  };
  JournalCommand command;
  bool first = true;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty()) continue;
    if (first) {
      if (word != "retry" && word != "drop") throw bad();
      command.act = word == "retry" ? JournalCommand::Act::retry : JournalCommand::Act::drop;
      first = false;
    } else if (word == "all" && command.act == JournalCommand::Act::retry) {
      command.all = true;
    } else {
      uint64_t number = 0;
      const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (error != std::errc{} || rest != word.data() + word.size()) throw bad();
      command.numbers.push_back(number);
    }
  }
  if (first || command.all == !command.numbers.empty()) throw bad();
  return command;
}

}  // namespace emlfs
