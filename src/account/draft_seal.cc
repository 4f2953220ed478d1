// How a draft becomes a new message that is to be sent.
#include <functional>
#include <utility>

#include "account/draft_record.h"
#include "account/drafts.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/parked.h"
#include "emlfs/view/names.h"

namespace emlfs {
namespace {

using store::Change;

constexpr Milliseconds kRetry{30'000};

// Does it when it is destroyed, unless that was cancelled.
class Undo {
 public:
  explicit Undo(std::function<void()> act) : act_(std::move(act)) {}
  ~Undo() {
    try {
      if (act_) act_();
    } catch (const Error& error) {
      log::warning("{}", error.what());
    }
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void cancel() { act_ = nullptr; }

 private:
  std::function<void()> act_;
};

}  // namespace

// With other bytes it is another file: what the kernel has of the old one stays as it is.
void Drafts::putInstead(const store::MessageRecord& old, const store::MessageRecord& record,
                        sync::TreeChange& change) {
  const auto update = store_.cache.begin(store::Durability::soon);
  if (old.id != record.id) {
    update->removeMessage(old.id);
    change = instead(old, record);
    touchDirectory(*update, record.directory);
  }
  update->putMessage(record);
  update->commit();
}

bool Drafts::seal(MessageId id, std::optional<Error>& failed) {
  sync::Run refused;
  const bool done = sealOrStrand(id, failed, refused);
  // What it was to replace is there still.
  if (!refused.empty()) sync::putBack(store_, refused, hooks_.on_change);
  return done;
}

bool Drafts::sealOrStrand(MessageId id, std::optional<Error>& failed, sync::Run& refused) {
  const auto draft = find(id);
  if (!draft) return false;
  sync::TreeChange change;
  try {
    const MutexLock lock(draft->mutex);
    if (draft->gone || draft->size == 0) return false;
    if (!draft->closed && !deaf_ && !draft->unheard) return false;
    const auto old = store_.cache.snapshot()->message(id);
    if (!old) return strand(id, draft, refused);
    if (draft->temporary || draft->torn || draft->judged) return false;
    draft->why.clear();  // of an earlier try
    const Contents contents = contentsOf(draft->fd.get());
    if (contents.beginning != store::Beginning::yes)
      draft->why = notAMessage().what();
    else if (contents.has_nul)
      draft->why = "it has NUL bytes, which IMAP can't send";
    if (!draft->why.empty()) {
      draft->judged = true;
      log::warning("a new message is not sent: {}", draft->why);
      return false;
    }
    store_.spool->markWhole(draft->spool);
    draft->whole = true;
    const uint64_t size = store_.spool->convertLineEnds(draft->spool);
    if (size == draft->size && draft->dirty) store_.spool->sync(draft->fd.get());
    Undo undo([&] { store_.spool->undoConversion(draft->spool); });

    store::MessageRecord record = *old;
    if (size != draft->size) {
      record.id = MessageId{store_.ids.next()};
      record.inode = localInode(record.id);
    }
    record.size = size;
    record.size_known = true;
    record.message_id = contents.message_id;
    record.date = {draft->time, 0};

    const auto finished = [&](Change append) {
      append.id = record.id;
      append.size = size;
      append.add = record.flags;
      append.date = record.date;
      append.source = {{}, 0, 0, record.message_id, size};
      return append;
    };
    const auto withName = [&](store::Batch batch) {
      if (record.id == id) return batch;
      const auto name = journal_.name({{}, 0, 0, id});
      batch.remove_names.push_back({{}, 0, 0, id});
      if (name) batch.put_names.push_back({{{}, 0, 0, record.id}, name->directory, name->name});
      return batch;
    };
    // The record first: what is sent before the store knows it would get no name.
    keep(record.id, draft);
    try {
      putInstead(*old, record, change);
      const auto epoch = store_.pending->epoch();
      if (!store_.pending->appendOf(id))
        store_.pending->add(withName({.add = {finished(appendFor(record, *draft))}}), {}, epoch);
      else if (!store_.pending->amend(id, [&](const Change& append) {
                 auto batch = withName({.update = {finished(append)}});
                 for (Change next : store_.pending->followers(append)) {
                   next.id = record.id;
                   batch.update.push_back(std::move(next));
                 }
                 return batch;
               }))
        throw Error(Code::busy, Scope::message, "it is being sent to the server");
    } catch (...) {
      if (record.id != id) forget(record.id);
      sync::TreeChange undone;
      putInstead(record, *old, undone);
      throw;
    }
    undo.cancel();
    draft->gone = true;
    if (record.id != id) unlink(id, {draft, record.id});
    forget(id);
    forget(record.id);
    store_.spool->endConversion(draft->spool);
  } catch (const Error& error) {
    log::warning("a new message can't be finished: {}", error.what());
    {
      const MutexLock lock(draft->mutex);
      draft->why = error.what();
    }
    finishSoon(id, kRetry);
    if (!failed) failed = error;
    return false;
  }
  if (!change.empty()) hooks_.on_change(change);
  return true;
}

}  // namespace emlfs
