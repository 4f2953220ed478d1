#include "account/changes.h"

#include <utility>

#include "account/hidden.h"
#include "account/journal_text.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/change.h"
#include "emlfs/sync/free_name.h"
#include "emlfs/sync/mailbox_change.h"
#include "emlfs/sync/parked.h"

namespace emlfs {
namespace {

class ChangesImpl final : public Changes {
 public:
  ChangesImpl(sync::Store store, Drafts& drafts, Deletion deletion, Deletions& deletions,
              ChangesHooks hooks)
      : store_(store),
        drafts_(drafts),
        deletion_(deletion),
        deletions_(deletions),
        hooks_(std::move(hooks)) {}

  void rename(MessageId id, MailboxId directory, const std::string& name, bool replace) override {
    if (drafts_.rename(id, directory, name, replace)) return;
    sync::moveMessage(store_, id, directory, name, hooks_.on_change);
    hooks_.added();
  }

  void remove(MessageId id) override {
    // Editors remove their lock files while what they wrote has still to get its name.
    if (drafts_.remove(id)) {
      hooks_.added();  // what waited for it can go
      return;
    }
    settleDrafts();
    noticeDeletion(removeByPolicy(id));
    hooks_.added();
  }

  void setFlags(MessageId id, const Flags& add, const Flags& remove) override {
    if (add.has("\\Deleted")) settleDrafts();
    if (drafts_.setFlags(id, add, remove)) return;
    sync::changeFlags(store_, {id}, add, remove, hooks_.on_change);
    hooks_.added();
  }

  uint64_t expungeHidden(MailboxId directory, const std::set<MessageId>& wanted) override {
    settleDrafts();
    const auto ids = hiddenIn(store_, directory, wanted);
    if (ids.empty()) return 0;
    sync::expungeMessages(store_, ids, hooks_.on_change);
    hooks_.added();
    return ids.size();
  }

  uint64_t showHidden(MailboxId directory, const std::set<MessageId>& wanted) override {
    const auto ids = hiddenIn(store_, directory, wanted);
    if (ids.empty()) return 0;
    sync::changeFlags(store_, ids, {}, Flags({"\\Deleted"}), hooks_.on_change);
    hooks_.added();
    return ids.size();
  }

  void commandJournal(std::string_view words) override {
    auto command = parseJournalCommand(words);
    if (command.all)
      for (const auto& change : store_.pending->changes())
        if (change.state == store::Change::State::parked) command.numbers.push_back(change.number);
    bool any_gone = false;
    if (command.act == JournalCommand::Act::retry) {
      const auto retried = sync::retryParked(store_, command.numbers, hooks_.on_change);
      drafts_.retried(retried.changes);
      any_gone = !retried.gone.empty();
    } else
      for (const auto& file : sync::dropParked(store_, command.numbers))
        hooks_.spool_unneeded(file);
    hooks_.added();
    // Not as stale: of that the kernel asks a second time.
    if (any_gone)
      throw Error(Code::not_empty, Scope::message, "some can't be sent: their message is gone");
  }

  store::MessageRecord create(MailboxId directory, const std::string& name) override {
    return drafts_.create(directory, name);
  }
  void write(MessageId id, uint64_t offset, std::string_view bytes) override {
    drafts_.write(id, offset, bytes);
  }
  void truncate(MessageId id, uint64_t size, bool open_there) override {
    drafts_.truncate(id, size, open_there);
  }
  void setTime(MessageId id, int64_t seconds) override { drafts_.setTime(id, seconds); }
  void closed(MailboxId directory, std::string_view name) override {
    drafts_.closed(directory, name);
  }
  void deaf() override { drafts_.deaf(); }
  std::optional<store::MessageRecord> unlinked(MessageId id) const override {
    return drafts_.unlinked(id);
  }
  void forgotten(MessageId id) override { drafts_.forgotten(id); }
  void sync(MessageId id) override { drafts_.sync(id); }

  store::MailboxRecord makeMailbox(MailboxId parent, const std::string& name) override {
    auto made = sync::makeMailbox(store_, parent, name, hooks_.on_change);
    hooks_.added();
    return made;
  }
  void renameMailbox(MailboxId id, MailboxId parent, const std::string& name) override {
    settleDrafts();
    sync::renameMailbox(store_, id, parent, name, hooks_.on_change);
    hooks_.added();
  }
  void removeMailbox(MailboxId id) override {
    settleDrafts();
    sync::removeMailbox(store_, id, hooks_.on_change);
    hooks_.added();
  }

  void flush(WaitId wait, std::optional<uint64_t> since, Done done) override {
    const auto unfinished = drafts_.sealAll();
    hooks_.flush(wait, since,
                 [since, unfinished, done = std::move(done)](const std::optional<Error>& error) {
                   done(error || since ? error : unfinished);
                 });
  }
  uint64_t latest() const override { return store_.pending->latest(); }
  uint64_t pending() const override { return store_.pending->size() - store_.pending->parked(); }
  WaitId newFlush() override { return hooks_.new_flush(); }

 private:
  // What is closed was there before: its append gets the lower number, and goes first. What was
  // written to other accounts may be a copy of what goes: mv between mounts is cp and rm.
  void settleDrafts() {
    static_cast<void>(drafts_.sealAll());
    hooks_.sync_others();
  }

  // The kernel takes the name away itself when a removal succeeds, and forgets what it knew of the
  // directory.
  static sync::OnChange kernelDid() {
    return [](const sync::TreeChange&) {};
  }

  Deletions::Fate removeByPolicy(MessageId id) {
    switch (deletion_) {
      case Deletion::flag:
        return hide(id);
      case Deletion::trash:
        return discard(id);
      case Deletion::expunge:
        break;
    }
    return expunge(id);
  }

  Deletions::Fate hide(MessageId id) {
    sync::changeFlags(store_, {id}, Flags({"\\Deleted"}), {}, kernelDid());
    return Deletions::Fate::hidden;
  }

  Deletions::Fate expunge(MessageId id) {
    sync::expungeMessages(store_, {id}, kernelDid());
    return Deletions::Fate::for_good;
  }

  // Where there is no trash the message is hidden: it can be brought back from there as well.
  Deletions::Fate discard(MessageId id) {
    std::optional<store::MailboxRecord> trash;
    std::string name;
    {
      const auto snapshot = store_.cache.snapshot();
      trash = sync::trashOf(*snapshot);
      const auto message = snapshot->message(id);
      if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
      if (trash && store::shownIn(*message) == trash->id) return expunge(id);
      if (trash) name = sync::freeName(*snapshot, trash->id, message->name);
    }
    if (!trash) return hide(id);
    try {
      sync::moveMessage(store_, id, trash->id, name, hooks_.on_change);
    } catch (const Error& error) {
      if (error.code != Code::exists) throw;
      return discard(id);  // another has got that name in this moment
    }
    sync::TreeChange change;
    change.directory = trash->id;
    change.entries = true;
    change.added.push_back(name);
    change.attributes.push_back(trash->id.value);
    hooks_.on_change(change);
    return Deletions::Fate::in_trash;
  }

  // A person can't know how much a script deletes.
  void noticeDeletion(Deletions::Fate fate) {
    const auto burst = deletions_.add(Clock::now(), fate);
    if (!burst) return;
    log::warning(
        "more than {} messages were deleted within a minute: {} are hidden ('emlfs undelete -r "
        "MOUNTPOINT' brings them back), {} are in the trash, {} are removed for good",
        Deletions::kMany, burst->hidden, burst->in_trash, burst->for_good);
  }

  const sync::Store store_;
  Drafts& drafts_;
  const Deletion deletion_;
  Deletions& deletions_;
  const ChangesHooks hooks_;
};

}  // namespace

store::Change deletionOf(sync::Store store, Deletion deletion, const store::Snapshot& snapshot,
                         const store::MessageRecord& message) {
  using Kind = store::Change::Kind;
  const auto trash = deletion == Deletion::trash ? sync::trashOf(snapshot) : std::nullopt;
  const bool in_trash = trash && store::shownIn(message) == trash->id;
  if (deletion == Deletion::expunge || in_trash)
    return sync::changeOf(Kind::expunge, store, snapshot, message);
  auto change = sync::changeOf(trash ? Kind::move : Kind::flags, store, snapshot, message);
  change.deletion = trash.has_value();
  if (trash)
    change.mailbox = trash->wire;
  else
    change.add = Flags({"\\Deleted"});
  return change;
}

std::unique_ptr<Changes> makeChanges(sync::Store store, Drafts& drafts, Deletion deletion,
                                     Deletions& deletions, ChangesHooks hooks) {
  return std::make_unique<ChangesImpl>(store, drafts, deletion, deletions, std::move(hooks));
}

}  // namespace emlfs
