#include "sync/mend_view.h"

#include <map>
#include <utility>
#include <vector>

#include "emlfs/sync/free_name.h"
#include "emlfs/sync/pending.h"

namespace emlfs::sync {
namespace {

bool isSettled(Store store, const store::MessageRecord& message) {
  return message.uid != 0 && message.shown != store::Shown::hidden &&
         !store.pending->outlook(message.id);
}

// Its move was sent before the view had it.
std::vector<store::MessageRecord> misplaced(Store store, const store::Snapshot& snapshot) {
  std::vector<store::MessageRecord> found;
  for (const auto& mailbox : snapshot.mailboxes()) {
    snapshot.arrivals(mailbox.id, {}, [&](const store::MessageRecord& message) {
      if (message.mailbox != mailbox.id && isSettled(store, message)) found.push_back(message);
      return true;
    });
  }
  return found;
}

// What the journal's names say, against the cache.
struct Names {
  // A person has changed it, and the view had not heard of it.
  std::vector<std::pair<store::MessageRecord, std::string>> changed;
  // Of messages that are gone: their UIDs are not given again.
  std::vector<store::NameKey> needless;
};

Names compareNames(Store store, const store::Snapshot& snapshot) {
  std::map<std::string, store::MailboxRecord> mailboxes;
  for (auto& record : snapshot.mailboxes()) {
    std::string wire = record.wire;
    mailboxes.emplace(std::move(wire), std::move(record));
  }
  Names names;
  store.pending->eachName([&](const store::GivenName& given) {
    const auto mailbox = mailboxes.find(given.key.mailbox);
    if (given.key.uid == 0 || mailbox == mailboxes.end() ||
        mailbox->second.state.uid_validity != given.key.uid_validity)
      return true;
    const auto& state = mailbox->second.state;
    const auto id = snapshot.byUid(mailbox->second.id, given.key.uid);
    auto message = id ? snapshot.message(*id) : std::nullopt;
    if (message && message->name != given.name)
      names.changed.emplace_back(std::move(*message), given.name);
    if (!id && state.complete && given.key.uid <= state.listed_to)
      names.needless.push_back(given.key);
    return true;
  });
  // Not while the names are read: the journal may not be asked then.
  std::erase_if(names.changed, [&](const auto& each) { return !isSettled(store, each.first); });
  std::erase_if(names.needless, [&](const store::NameKey& key) {
    return store.pending->renames(key.mailbox) ||
           store.pending->idOf(key.mailbox, key.uid_validity, key.uid);
  });
  return names;
}

}  // namespace

void mendView(Store store) {
  std::vector<store::MessageRecord> elsewhere;
  Names names;
  {
    const auto snapshot = store.cache.snapshot();
    elsewhere = misplaced(store, *snapshot);
    names = compareNames(store, *snapshot);
  }
  store.pending->forgetNames(names.needless);
  if (elsewhere.empty() && names.changed.empty()) return;
  const auto update = store.cache.begin(store::Durability::soon);
  for (auto& message : elsewhere) {
    message.directory = message.mailbox;
    message.name = freeName(*update, message.mailbox, message.name);
    update->putMessage(message);
  }
  for (const auto& [before, name] : names.changed) {
    auto message = update->message(before.id);
    const auto directory = message ? store::shownIn(*message) : std::nullopt;
    // Who has that name by now keeps it.
    if (!directory || update->find(*directory, name)) continue;
    message->name = name;
    update->putMessage(*message);
  }
  update->commit();
}

}  // namespace emlfs::sync
