// LIST. With LIST-EXTENDED (RFC 5258) all namespaces are asked for in one command, with SPECIAL-USE
// (RFC 6154) and LIST-STATUS (RFC 5819) where they are; else, or if the server doesn't understand
// that after all, plain LIST commands, and no status.
#include <algorithm>
#include <map>

#include "emlfs/base/log.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

constexpr size_t kMaxMailboxes = 200'000;
constexpr size_t kMaxNameBytes = size_t{16} << 20;

// What LIST and STATUS responses said, by name.
class Listing {
 public:
  void take(Data&& data) {
    if (auto* entry = std::get_if<ListEntry>(&data)) {
      add(std::move(*entry));
    } else if (auto* status = std::get_if<StatusData>(&data)) {
      const std::string wire = canonicalName(std::move(status->wire));
      if (statuses_.size() < kMaxMailboxes) statuses_[wire] = status->status;
    }
  }

  bool empty() const { return entries_.empty(); }

  std::vector<ListEntry> result() {
    std::vector<ListEntry> list;
    list.reserve(entries_.size());
    for (auto& [wire, entry] : entries_) {
      const auto status = statuses_.find(wire);
      if (status != statuses_.end() && entry.selectable) entry.status = status->second;
      list.push_back(std::move(entry));
    }
    return list;
  }

 private:
  // A name may come twice, from two patterns: the more useful wins.
  void add(ListEntry&& entry) {
    entry.wire = canonicalName(std::move(entry.wire));
    if (entry.wire.empty()) return;  // the answer to LIST "" ""
    name_bytes_ += entry.wire.size();
    if (entries_.size() >= kMaxMailboxes || name_bytes_ > kMaxNameBytes) {
      throw Error(Code::limit, Scope::connection, "the server lists too many mailboxes");
    }
    const auto [at, is_new] = entries_.try_emplace(entry.wire, entry);
    if (is_new) return;
    at->second.selectable |= entry.selectable;
    at->second.inferiors &= entry.inferiors;
    if (at->second.special_use.empty()) at->second.special_use = std::move(entry.special_use);
  }

  std::map<std::string, ListEntry> entries_;
  std::map<std::string, MailboxStatus> statuses_;
  size_t name_bytes_ = 0;
};

// "*" covers what has an empty prefix; INBOX is asked for by name where nothing else covers it.
std::vector<std::string> patterns(const std::vector<Namespace>& namespaces) {
  std::vector<std::string> result;
  bool covered = false;
  for (const Namespace& space : namespaces) {
    if (std::any_of(space.prefix.begin(), space.prefix.end(),
                    [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
      log::warning("skipped a namespace whose prefix can't be named in a command");
      continue;
    }
    covered |= space.prefix.empty();
    result.push_back(space.prefix + "*");
  }
  if (!covered) result.emplace_back("INBOX");
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

void askExtended(const Connection& connection, const std::vector<std::string>& names,
                 Command& command) {
  command.string("");
  if (names.size() == 1) {
    command.string(names.front());
  } else {
    command.strings(names);
  }
  std::string options;
  if (connection.has("SPECIAL-USE")) options = "SPECIAL-USE";
  if (connection.has("LIST-STATUS")) {
    options += (options.empty() ? "STATUS " : " STATUS ") + statusItems(connection);
  }
  if (!options.empty()) command.syntax("RETURN (" + options + ")");
}

bool listExtended(Connection& connection, const std::vector<std::string>& names, Listing& listing) {
  Command command("LIST", connection.literals());
  askExtended(connection, names, command);
  const StatusLine status =
      connection.run(command, [&](Data&& data) { listing.take(std::move(data)); });
  if (status.status == Status::ok) return true;
  log::info("imap: extended LIST failed ({}); going on without", status.text);
  return false;
}

}  // namespace

std::string canonicalName(std::string wire) {
  return equalsIgnoringCase(wire, "INBOX") ? "INBOX" : std::move(wire);
}

std::optional<bool> isListed(Connection& connection, std::string_view wire) {
  Command command("LIST", connection.literals());
  command.string("").string(wire);
  const std::string asked = canonicalName(std::string(wire));
  bool listed = false;
  const StatusLine status = connection.run(command, [&](Data&& data) {
    auto* entry = std::get_if<ListEntry>(&data);
    if (entry != nullptr && entry->selectable && canonicalName(std::move(entry->wire)) == asked) {
      listed = true;
    }
  });
  if (!listed && status.status != Status::ok) return std::nullopt;
  return listed;
}

std::vector<ListEntry> listBelow(Connection& connection, std::string_view wire, char delimiter) {
  std::vector<std::string> names{std::string(wire)};
  if (delimiter != 0) names.push_back(std::string(wire) + delimiter + '*');
  Listing listing;
  for (const std::string& name : names) {
    Command command("LIST", connection.literals());
    command.string("").string(name);
    connection.runOk(command, [&](Data&& data) { listing.take(std::move(data)); });
  }
  auto all = listing.result();
  // A name may hold what is a wildcard in a pattern.
  std::erase_if(all, [&](const ListEntry& entry) {
    if (!entry.wire.starts_with(wire)) return true;
    return entry.wire.size() != wire.size() && entry.wire[wire.size()] != delimiter;
  });
  return all;
}

// As it is with one namespace without a prefix, which is what most servers have.
std::vector<Foretold> nextList(const Connection& connection) {
  if (!connection.has("LIST-EXTENDED")) return {};
  Command command("LIST", connection.literals());
  askExtended(connection, {"*"}, command);
  return foretell(command);
}

std::vector<ListEntry> listMailboxes(Connection& connection,
                                     const std::vector<Namespace>& namespaces) {
  const std::vector<std::string> names = patterns(namespaces);
  Listing listing;
  if (!connection.has("LIST-EXTENDED") || !listExtended(connection, names, listing)) {
    for (const std::string& name : names) {
      Command command("LIST", connection.literals());
      command.string("").string(name);
      connection.runOk(command, [&](Data&& data) { listing.take(std::move(data)); });
    }
  }
  // There is always an INBOX. An empty list is a server's failure, and to believe it would make
  // every mailbox disappear.
  if (listing.empty()) {
    throw Error(Code::protocol, Scope::account, "the server lists no mailbox at all");
  }
  return listing.result();
}

}  // namespace emlfs::imap
