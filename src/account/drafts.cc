#include "account/drafts.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "account/draft_record.h"
#include "account/shown_path.h"
#include "emlfs/base/error.h"
#include "emlfs/base/thread.h"
#include "emlfs/sync/rights.h"
#include "emlfs/view/names.h"

namespace emlfs {
namespace {

using store::MessageRecord;

// As much as tells whether a message begins so.
constexpr size_t kHead = 1'024;

}  // namespace

Drafts::Drafts(sync::Store store, store::Journal& journal, Hooks hooks)
    : store_(store), journal_(journal), hooks_(std::move(hooks)) {}

Drafts::~Drafts() {
  stop();
}

void Drafts::start() {
  thread_ = startThread("drafts", [this] { loop(); });
}

void Drafts::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Drafts::DraftPtr Drafts::find(MessageId id) const {
  const MutexLock lock(mutex_);
  const auto at = drafts_.find(id);
  return at == drafts_.end() ? nullptr : at->second;
}

void Drafts::keep(MessageId id, const DraftPtr& draft) {
  const MutexLock lock(mutex_);
  drafts_[id] = draft;
  made_.insert(id);
}

bool Drafts::beganHere(MessageId id) const {
  const MutexLock lock(mutex_);
  return made_.count(id) != 0;
}

void Drafts::forget(MessageId id) {
  const MutexLock lock(mutex_);
  drafts_.erase(id);
  due_.erase(id);
}

MessageRecord Drafts::create(MailboxId directory, const std::string& name) {
  MessageRecord record;
  std::string wire;
  Flags flags = view::maildirFlags(name);
  const auto epoch = store_.pending->epoch();
  {
    const auto snapshot = store_.cache.snapshot();
    const auto mailbox = snapshot->mailbox(directory);
    if (!mailbox || !mailbox->selectable)
      throw Error(Code::not_permitted, Scope::mailbox, "messages can be only in mailboxes");
    sync::requireRights(*mailbox, {sync::Right::insert});
    if (snapshot->find(directory, name))
      throw Error(Code::exists, Scope::message, "there is a file of that name");
    wire = mailbox->wire;
    // Editors put the old version aside under this name, and write another one.
    const auto backup = snapshot->find(directory, name + "~");
    const auto old = backup ? snapshot->message(MessageId{backup->node}) : std::nullopt;
    if (old) flags = changed(flags, flagsNow(*old), {});
  }
  record.id = MessageId{store_.ids.next()};
  record.mailbox = record.directory = directory;
  record.shown = store::Shown::arrived;
  record.inode = localInode(record.id);
  record.name = name;
  record.flags = flags;
  record.date.seconds = std::time(nullptr);
  record.size_known = true;

  auto file = store_.spool->create(record.id);
  const auto draft = std::make_shared<Draft>(file.name);
  draft->temporary = view::isTemporaryName(name);
  draft->time = record.date.seconds;
  try {
    if (!draft->temporary) store_.spool->mark(file.name, true);
    store_.pending->add({.put_names = {{{{}, 0, 0, record.id}, wire, name}}}, {}, epoch);
    putRecord(store_.cache, record);
  } catch (...) {
    dropDraft(*store_.spool, journal_, record.id, file.name);
    throw;
  }
  {
    const MutexLock lock(draft->mutex);
    draft->fd = std::move(file.fd);
  }
  keep(record.id, draft);
  return record;
}

void Drafts::requireBeginning(Draft& draft, uint64_t offset, std::string_view bytes) {
  // What is written later than what stands behind it is seen when it is finished.
  if (draft.temporary || offset >= kHead || offset > draft.size) return;
  std::string head(std::min<uint64_t>(kHead, draft.size), '\0');
  head.resize(store::readAt(draft.fd.get(), head, 0));
  if (head.starts_with('\0')) return;
  const auto part = bytes.substr(0, kHead - offset);
  head.resize(std::max<size_t>(head.size(), offset + part.size()));
  head.replace(offset, part.size(), part);
  if (store::canBeginMessage(head) == store::Beginning::no) throw notAMessage();
}

void Drafts::written(MessageId id, Draft& draft) {
  draft.size = store::fileSize(draft.fd.get());
  draft.time = std::time(nullptr);
  draft.closed = false;
  draft.known = true;
  draft.dirty = true;
  if (!draft.torn) draft.why.clear();
  draft.judged = false;
  {
    const MutexLock lock(mutex_);
    due_.erase(id);
  }
  if (deaf_ || draft.unheard) finishSoon(id, kDeafQuiet);
}

void Drafts::unmarkWhole(Draft& draft) {
  if (!draft.whole) return;
  store_.spool->mark(draft.spool, !draft.temporary);
  draft.whole = false;
}

void Drafts::close(MessageId id, Draft& draft) {
  draft.closed = true;
  if (draft.temporary || draft.size == 0 || draft.torn) return;
  store_.spool->markWhole(draft.spool);
  draft.whole = true;
  finishSoon(id, kQuiet);
}

void Drafts::write(MessageId id, uint64_t offset, std::string_view bytes) {
  for (;;) {
    if (const auto lost = findUnlinked(id)) {
      if (revive(id)) continue;
      const MutexLock lock(lost->mutex);
      store::writeAt(lost->fd.get(), bytes, offset);
      lost->size = store::fileSize(lost->fd.get());
      lost->time = std::time(nullptr);
      return;
    }
    const auto draft = open(id, true);
    if (!draft) continue;
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;
    requireBeginning(*draft, offset, bytes);
    unmarkWhole(*draft);
    try {
      store::writeAt(draft->fd.get(), bytes, offset);
    } catch (const Error& error) {
      draft->torn = true;
      draft->why = std::string("it could not be written whole: ") + error.what();
      throw;
    }
    written(id, *draft);
    return;
  }
}

void Drafts::truncate(MessageId id, uint64_t size, bool open_there) {
  if (!find(id)) {
    const auto message = store_.cache.snapshot()->message(id);
    if (message && message->size == size) return;
  }
  for (;;) {
    if (const auto lost = findUnlinked(id)) {
      if (revive(id)) continue;
      const MutexLock lock(lost->mutex);
      store::truncate(lost->fd.get(), size);
      lost->size = size;
      lost->time = std::time(nullptr);
      return;
    }
    const auto draft = open(id, size > 0);
    if (!draft) continue;
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;
    const bool was_closed = draft->closed;
    unmarkWhole(*draft);
    store::truncate(draft->fd.get(), size);
    if (size == 0) draft->torn = false;
    written(id, *draft);
    if (was_closed && !open_there) close(id, *draft);
    return;
  }
}

void Drafts::setTime(MessageId id, int64_t seconds) {
  for (;;) {
    if (const auto now = finishedAs(id)) {
      id = *now;
      continue;
    }
    if (const auto lost = findUnlinked(id)) {
      lost->time = seconds;
      return;
    }
    DraftPtr draft = find(id);
    if (!draft) {
      const auto message = store_.cache.snapshot()->message(id);
      if (!message && unlinked(id)) continue;
      if (!message) throw Error(Code::stale, Scope::message, "the message is no longer there");
      if (message->date.seconds == seconds) return;
      if (!store_.pending->appendOf(id))
        throw Error(Code::not_permitted, Scope::message, "the time of a message can't be changed");
      draft = open(id, true);
      if (!draft) continue;
      draft->closed = true;
    }
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;
    draft->time = seconds;
    store::setLastWrite(draft->fd.get(), seconds);  // for who finds it without a record of it
    const auto update = store_.cache.begin(store::Durability::soon);
    if (auto record = update->message(id)) {
      record->date = {seconds, 0};
      update->putMessage(*record);
      update->commit();
    }
    if (draft->closed) finishSoon(id, kQuiet);
    return;
  }
}

void Drafts::closed(MailboxId directory, std::string_view name) {
  const auto found = store_.cache.snapshot()->find(directory, name);
  if (!found) return;
  if (isDirectory(found->node)) return closedSome(directory);
  const MessageId id{found->node};
  const auto draft = find(id);
  if (!draft) return;
  const MutexLock lock(draft->mutex);
  if (!draft->gone) close(id, *draft);
}

// A mailbox of the server has taken the name since the file was opened, and the file has another:
// which, the event doesn't say.
void Drafts::closedSome(MailboxId directory) {
  std::vector<MessageId> ids;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, draft] : drafts_)
      if (!draft->closed) ids.push_back(id);
  }
  const auto snapshot = store_.cache.snapshot();
  for (const MessageId id : ids) {
    const auto record = snapshot->message(id);
    const auto draft = find(id);
    if (!record || !draft || store::shownIn(*record) != directory) continue;
    draft->unheard = true;
    finishSoon(id, kDeafQuiet);
  }
}

void Drafts::sync(MessageId id) {
  const auto draft = find(id);
  if (!draft) return;
  const MutexLock lock(draft->mutex);
  if (draft->gone || !draft->dirty) return;
  store_.spool->sync(draft->fd.get());
  draft->dirty = false;
}

MessageRecord Drafts::live(MessageRecord record) const {
  if (const auto draft = find(record.id)) {
    draft->known = true;
    record.size = draft->size;
    record.date = {draft->time, 0};
  }
  return record;
}

std::optional<std::string> Drafts::read(MessageId id, uint64_t offset, uint32_t size) const {
  std::string bytes(size, '\0');
  while (const auto draft = find(id)) {
    const MutexLock lock(draft->mutex);
    if (draft->gone) continue;  // finished or removed meanwhile
    bytes.resize(store::readAt(draft->fd.get(), bytes, offset));
    return bytes;
  }
  if (const auto lost = findUnlinked(id)) {
    const MutexLock lock(lost->mutex);
    bytes.resize(store::readAt(lost->fd.get(), bytes, offset));
    return bytes;
  }
  const auto append = store_.pending->appendOf(id);
  if (!append) return std::nullopt;
  const auto fd = store_.spool->read(append->spool);
  if (!fd) return std::nullopt;  // the server has it, and the cache, by now
  bytes.resize(store::readAt(fd->get(), bytes, offset));
  return bytes;
}

std::vector<UnsentDraft> Drafts::unsent() const {
  std::vector<std::pair<MessageId, DraftPtr>> drafts;
  {
    const MutexLock lock(mutex_);
    drafts.assign(drafts_.begin(), drafts_.end());
  }
  std::vector<UnsentDraft> all;
  const auto snapshot = store_.cache.snapshot();
  for (const auto& [id, draft] : drafts) {
    bool gone = false;
    std::string why;
    // Who writes or finishes a large one takes long, and the status must not wait.
    if (draft->mutex.tryLock()) {
      gone = draft->gone;
      why = draft->why;
      draft->mutex.unlock();
    }
    if (gone) continue;
    const auto record = snapshot->message(id);
    const auto path = record ? shownPath(*snapshot, *record) : std::nullopt;
    all.push_back({path.value_or(draft->spool), std::move(why), draft->temporary});
  }
  return all;
}

}  // namespace emlfs
