#include "sync/apply.h"

#include <algorithm>

#include "emlfs/base/error.h"
#include "sync/change_time.h"

namespace emlfs::sync {
namespace {

// No message is empty, and none is that large: such a size is no hint. The kernel never reads a
// file of size 0, so the real one would never show; one of 1 shows it at the first read.
uint64_t credible(uint64_t announced) {
  constexpr uint64_t kLargest = uint64_t{1} << 40;
  return announced == 0 || announced > kLargest ? 1 : announced;
}

// Of the messages that are still there, one that was there before: the kernel has most likely
// heard of the first.
std::string keptName(const store::Update& update, MailboxId mailbox, const TreeChange& change) {
  std::string first;
  update.messages(mailbox, 0, [&](const store::MessageRecord& message) {
    if (message.shown == store::Shown::in_place) first = message.name;
    return first.empty();
  });
  const bool is_new =
      std::find(change.added.begin(), change.added.end(), first) != change.added.end();
  return is_new ? "" : first;
}

// The work on one Delta: the transaction, the directory it changes, and what the kernel is to hear.
struct Application {
  Store store;
  store::Update& update;
  store::MailboxRecord& directory;
  TreeChange change;

  void remove(const store::MessageRecord& message) {
    change.removed.push_back({message.id.value, message.name});
    change.entries = true;
  }

  void removeAll() {
    update.messages(directory.id, 0, [&](const store::MessageRecord& message) {
      remove(message);
      return true;
    });
    update.removeMessages(directory.id);
    directory.state.messages = 0;
  }

  void vanish(const UidSet& uids) {
    std::vector<store::MessageRecord> gone;
    for (const auto& range : uids.ranges()) {
      update.messages(directory.id, range.first - 1, [&](const store::MessageRecord& message) {
        if (message.uid > range.last) return false;
        gone.push_back(message);
        return true;
      });
    }
    for (const auto& message : gone) {
      remove(message);
      update.removeMessage(message.id);
      --directory.state.messages;
    }
  }

  void changeFlags(const FlagChange& flags) {
    const auto id = update.byUid(directory.id, flags.uid);
    if (!id) return;  // not listed yet: the listing brings its flags
    auto message = update.message(*id);
    if (!message || (message->flags == flags.flags && message->modseq >= flags.modseq)) return;
    message->flags = flags.flags;
    message->modseq = std::max(message->modseq, flags.modseq);
    update.putMessage(*message);
  }

  void add(const MessageMeta& meta) {
    if (update.byUid(directory.id, meta.uid)) {  // an interrupted step is being repeated
      changeFlags({meta.uid, meta.flags, meta.modseq});
      return;
    }
    store::MessageRecord message;
    message.id = MessageId{store.ids.next()};
    message.mailbox = directory.id;
    message.uid = meta.uid;
    message.inode = messageInode(directory.wire, directory.state.uid_validity, meta.uid);
    message.flags = meta.flags;
    message.date = meta.date;
    message.size = credible(meta.size);
    message.modseq = meta.modseq;
    message.message_id = meta.header.message_id;
    message.name = view::messageName(store.names, meta);
    const auto pattern_name = message.name;
    for (unsigned n = 1; update.find(directory.id, message.name); ++n)
      message.name = view::alternativeName(pattern_name, n);
    update.putMessage(message);
    ++directory.state.messages;
    change.entries = true;
    // While the first listing runs the kernel has no names of this directory cached as absent.
    if (directory.state.complete) change.added.push_back(message.name);
  }
};

}  // namespace

SyncState apply(Store store, MailboxId mailbox, const Delta& delta, const OnChange& on_change) {
  const auto update = store.cache.begin();
  auto directory = update->mailbox(mailbox);
  if (!directory) throw Error(Code::not_found, Scope::mailbox, "the mailbox is no longer there");
  const bool was_listed = directory->state.complete || directory->state.uid_next != 0;

  Application work{store, *update, *directory, {}};
  work.change.directory = mailbox;
  if (delta.replaced) work.removeAll();
  directory->state.uid_validity = delta.state.uid_validity;  // inodes are made of it
  work.vanish(delta.vanished);
  for (const auto& flags : delta.changed) work.changeFlags(flags);
  for (const auto& meta : delta.added) work.add(meta);

  const uint32_t messages = directory->state.messages;
  directory->state = delta.state;
  directory->state.messages = messages;
  // A first listing is no change: tar would complain of a directory that changes while it is read,
  // and the kernel has cached no listing of it yet.
  const bool any = work.change.entries;
  work.change.entries = any && (was_listed || !work.change.removed.empty());
  if (work.change.entries) {
    directory->changed = changeTime(directory->changed);
    work.change.attributes.push_back(mailbox.value);
    work.change.kept = keptName(*update, mailbox, work.change);
  }
  update->putMailbox(*directory);
  update->commit();
  if (any) on_change(work.change);
  return directory->state;
}

}  // namespace emlfs::sync
