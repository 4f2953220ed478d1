#include "sync/apply.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/free_name.h"
#include "sync/change_time.h"
#include "sync/sent.h"
#include "sync/told_changes.h"

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
  const bool was_listed = wasListed(directory.state);
  TreeChange change{};
  // What our own changes have to hear when this is on the disk.
  std::vector<std::pair<MessageId, store::MessageRef>> found{};
  std::vector<MessageId> vanished{};
  Changes elsewhere{update};  // in other directories
  UidSet left{};              // of which the server told before we took them

  std::optional<Outlook> outlook(MessageId id) const {
    return store.pending == nullptr ? std::nullopt : store.pending->outlook(id);
  }

  // The name goes, also from where the person has moved it and the server doesn't know yet.
  void unname(const store::MessageRecord& message) {
    if (store::shownIn(message) != directory.id) {
      elsewhere.unname(message);
      return;
    }
    change.removed.push_back({message.id.value, message.name});
    change.entries = true;
  }

  void name(store::MessageRecord& message) {
    message.name = freeName(update, directory.id, message.name, message.id);
    change.entries = true;
    // While the first listing runs the kernel has no names of this directory cached as absent.
    if (was_listed) change.added.push_back(message.name);
  }

  void removeAll() {
    update.messages(directory.id, 0, [&](const store::MessageRecord& message) {
      unname(message);
      vanished.push_back(message.id);
      return true;
    });
    // What has not been sent yet is ours: it belongs into whatever is called so.
    std::vector<store::MessageRecord> unsent;
    update.arrivals(directory.id, {}, [&](const store::MessageRecord& message) {
      if (message.mailbox != directory.id) return true;
      if (isUnsent(message))
        unsent.push_back(message);
      else if (message.uid == 0)
        unname(message);
      return true;
    });
    update.removeMessages(directory.id);
    for (const auto& message : unsent) update.putMessage(message);
    directory.state.messages = 0;
  }

  // A draft, or a new message: one that is on its way from elsewhere has other changes.
  bool isUnsent(const store::MessageRecord& message) const {
    return message.uid == 0 && store.pending != nullptr &&
           (!store.pending->outlook(message.id) || store.pending->appendOf(message.id));
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
    for (auto& message : gone) {
      --directory.state.messages;
      const auto ours = outlook(message.id);
      if (ours && ours->leaving) {
        message.uid = 0;  // who sends it knows where it is
        update.putMessage(message);
        continue;
      }
      unname(message);
      update.removeMessage(message.id);
      if (ours) log::info("{}: UID {} is gone", directory.wire, message.uid);
      if (ours) vanished.push_back(message.id);
    }
  }

  // The server's flags, and with them whether it is shown: what is deleted is hidden, here by us or
  // by anybody.
  void setFlags(store::MessageRecord& message, const Flags& flags, ModSeq modseq) {
    const auto ours = outlook(message.id);
    // One that has been sent away is perhaps only the original of a copy, and deleted by us.
    const bool leaving = ours && ours->leaving;
    message.flags = leaving ? changed(flags, {}, Flags({"\\Deleted"})) : flags;
    message.modseq = std::max(message.modseq, modseq);
    const bool undeleted = leaving || (ours && ours->remove.has("\\Deleted"));
    const bool hidden = (flags.has("\\Deleted") && !undeleted) || (ours && ours->deleted);
    if (hidden == (message.shown == store::Shown::hidden)) return;
    if (hidden) {
      unname(message);
      message.shown = store::Shown::hidden;
    } else if (!showElsewhere(message)) {
      message.shown = store::Shown::in_place;
      name(message);
    }
  }

  // Where a change of ours that the server has not seen yet moves it: the cache was deleted
  // meanwhile, or the message was for others. False if there is none.
  bool showElsewhere(store::MessageRecord& message) {
    const auto ours = outlook(message.id);
    if (!ours || !ours->directory) return false;
    const auto there = mailboxByWire(update, *ours->directory);
    if (!there || there->id == directory.id) return false;
    message.shown = store::Shown::arrived;
    message.directory = there->id;
    message.name = freeName(update, there->id, message.name, message.id);
    elsewhere.in(there->id).added.push_back(message.name);
    return true;
  }

  void changeFlags(const FlagChange& flags) {
    const auto id = update.byUid(directory.id, flags.uid);
    if (!id) return;  // not listed yet: the listing brings its flags
    auto message = update.message(*id);
    if (!message || (message->flags == flags.flags && message->modseq >= flags.modseq)) return;
    setFlags(*message, flags.flags, flags.modseq);
    update.putMessage(*message);
  }

  store::MessageRef place(Uid uid, const store::MessageRecord& message) const {
    return {directory.wire, directory.state.uid_validity, uid, message.message_id, message.size};
  }

  // One of ours that has arrived here: it keeps its name, its place in the listing and its body.
  bool arrive(MessageId id, const MessageMeta& meta) {
    auto message = update.message(id);
    if (!message) return false;  // the cache was deleted
    message->mailbox = directory.id;
    message->uid = meta.uid;
    setFlags(*message, meta.flags, meta.modseq);
    update.putMessage(*message);
    found.emplace_back(message->id, place(meta.uid, *message));
    return true;
  }

  void add(const MessageMeta& meta) {
    if (update.byUid(directory.id, meta.uid)) {  // an interrupted step is being repeated
      changeFlags({meta.uid, meta.flags, meta.modseq});
      return;
    }
    if (left.contains(meta.uid)) return;
    ++directory.state.messages;
    const auto arrived =
        store.pending == nullptr ? std::nullopt : store.pending->claimant(directory.wire, meta);
    if (arrived && arrive(*arrived, meta)) return;
    store::MessageRecord message;
    // Changes of ours may speak of it since before the cache was deleted.
    auto known = arrived;
    if (!known && store.pending != nullptr)
      known = store.pending->idOf(directory.wire, directory.state.uid_validity, meta.uid);
    message.id = known && !update.message(*known) ? *known : MessageId{store.ids.next()};
    message.mailbox = directory.id;
    message.uid = meta.uid;
    message.inode = messageInode(directory.wire, directory.state.uid_validity, meta.uid);
    message.date = meta.date;
    message.size = credible(meta.size);
    message.message_id = meta.header.message_id;
    message.name = view::messageName(store.names, meta);
    if (store.pending != nullptr) give(message, known.has_value());
    message.shown = store::Shown::hidden;
    setFlags(message, meta.flags, meta.modseq);
    update.putMessage(message);
    if (arrived == message.id) found.emplace_back(message.id, place(meta.uid, message));
  }

  void give(store::MessageRecord& message, bool changing) const {
    const auto ours = outlook(message.id);
    const store::NameKey here{directory.wire, directory.state.uid_validity, message.uid, {}};
    const store::NameKey there{{}, 0, 0, message.id};
    const bool moves = changing && ours && ours->directory;
    auto name = store.pending->nameOf(moves ? there : here);
    if (!name && changing) name = store.pending->nameOf(moves ? here : there);
    if (name) message.name = *name;
  }
};

}  // namespace

SyncState apply(Store store, MailboxId mailbox, const Delta& delta, const OnChange& on_change) {
  const auto update = store.cache.begin();
  auto directory = update->mailbox(mailbox);
  if (!directory) throw Error(Code::not_found, Scope::mailbox, "the mailbox is no longer there");

  Application work{store, *update, *directory};
  work.change.directory = mailbox;
  // A mailbox that is seen for the first time holds nothing but what began here.
  if (delta.replaced && directory->state.uid_validity != 0) work.removeAll();
  // Also where none is shown: readers wait for the new ones from now on.
  work.change.entries |= directory->state.complete && !delta.state.complete;
  directory->state.uid_validity = delta.state.uid_validity;  // inodes are made of it
  work.vanish(delta.vanished);
  for (const auto& flags : delta.changed) work.changeFlags(flags);
  if (!delta.added.empty() && store.pending != nullptr && store.pending->receives(directory->wire))
    throw Postponed("messages are on their way into " + directory->wire);
  if (!delta.added.empty() && store.pending != nullptr)
    work.left = store.pending->leftFrom(directory->wire, directory->state.uid_validity);
  for (const auto& meta : delta.added) work.add(meta);

  const uint32_t messages = directory->state.messages;
  directory->state = delta.state;
  directory->state.messages = messages;
  // A first listing is no change: tar would complain of a directory that changes while it is read,
  // and the kernel has cached no listing of it yet.
  const bool any = work.change.entries;
  work.change.entries = any && (work.was_listed || !work.change.removed.empty());
  if (work.change.entries) {
    directory->changed = changeTime(directory->changed);
    work.change.attributes.push_back(mailbox.value);
    work.change.kept = keptName(*update, mailbox, work.change);
  }
  update->putMailbox(*directory);
  work.elsewhere.commit(on_change);
  failPoint("apply: on the disk");
  for (const auto& [id, place] : work.found) store.pending->found(id, place);
  if (store.pending != nullptr && delta.replaced)
    store.pending->replaced(std::exchange(work.vanished, {}), directory->wire);
  for (const MessageId id : work.vanished)
    if (store.pending != nullptr) store.pending->vanished(id);
  if (any) on_change(work.change);
  return directory->state;
}

}  // namespace emlfs::sync
