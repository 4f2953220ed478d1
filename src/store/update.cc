#include "store/update.h"

#include <algorithm>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "store/crash_mark.h"
#include "store/reads.h"

namespace emlfs::store {
namespace {

constexpr size_t kMaxName = 255;
constexpr size_t kMaxKey = 511;  // LMDB's

void require(bool good, Scope scope, const char* what) {
  if (!good) throw Error(Code::invalid, scope, what);
}

void requireName(std::string_view name, Scope scope) {
  require(!name.empty() && name.size() <= kMaxName, scope, "a file name has 1 to 255 bytes");
}

// Every check comes before the first write: a refused call changes nothing.
class UpdateImpl final : public Reads<CacheUpdate> {
 public:
  UpdateImpl(MDB_env* env, const Tables& tables, Durability durability)
      : Reads(tables),
        txn_(env, durability == Durability::soon ? WriteTransaction::Sync::later
                                                 : WriteTransaction::Sync::at_commit),
        totals_(readTotals(txn(), tables)) {}

  void putSetting(std::string_view key, std::string_view value) override;
  void putMailbox(const MailboxRecord& record) override;
  void removeMailbox(MailboxId id) override;
  void putMessage(const MessageRecord& record) override;
  void removeMessage(MessageId id) override;
  void removeMessages(MailboxId mailbox) override;
  void putChunk(MessageId id, uint32_t index, std::string_view bytes) override;
  void commit() override;
  uint64_t bodyBytes() const override { return totals_.body_bytes; }
  bool removeChunks(MessageId id, uint64_t bytes, const Deadline& turn) override;
  void removeDamagedChunk(MessageId id, uint32_t index) override;
  std::optional<uint64_t> lastUse(MessageId id) const override;
  void putUse(MessageId id, uint64_t when) override;
  void touch() override { changed_ = true; }

 private:
  MDB_txn* txn() const override { return txn_.get(); }
  MDB_txn* changing() {
    changed_ = true;
    return txn();
  }
  bool hasMailbox(MailboxId id) const { return exists(txn(), tables_.mailboxes, idKey(id.value)); }
  void requireFree(MailboxId directory, std::string_view name, uint64_t node, Scope scope) const;
  void requireAbove(MailboxId parent, MailboxId id) const;
  uint32_t countChildren(MailboxId id) const;
  void countChild(MailboxId parent, int change);
  void link(const MailboxRecord& record);
  void unlink(const MailboxRecord& record);
  void eraseChunk(Cursor& bodies);
  void forgetBody(MessageId id);
  void removeBody(Cursor& bodies, MessageId id);
  void show(const MessageRecord& record);
  void unshow(const MessageRecord& record);
  void removeRecord(Cursor& bodies, const MessageRecord& record);

  const InChange in_change_;
  WriteTransaction txn_;
  Totals totals_;
  bool changed_ = false;
};

void UpdateImpl::putSetting(std::string_view key, std::string_view value) {
  require(!key.empty() && key.size() <= kMaxKey, Scope::account, "a setting's key is too long");
  put(changing(), tables_.settings, key, value);
}

void UpdateImpl::requireFree(MailboxId directory, std::string_view name, uint64_t node,
                             Scope scope) const {
  auto taken = find(directory, name);
  require(!taken || taken->node == node, scope, "another file has that name");
}

// That `parent` exists and isn't `id` or somewhere below it.
void UpdateImpl::requireAbove(MailboxId parent, MailboxId id) const {
  while (parent != kRoot) {
    require(parent != id, Scope::mailbox, "a directory can't be inside itself");
    auto record = mailbox(parent);
    require(record.has_value(), Scope::mailbox, "a directory's parent doesn't exist");
    parent = record->parent;
  }
}

uint32_t UpdateImpl::countChildren(MailboxId id) const {
  uint32_t children = 0;
  std::string prefix = idKey(id.value);
  std::string next = prefix;
  for (Cursor cursor(txn(), tables_.children); cursor.seek(next, prefix); ++children)
    next = behind(cursor.key());
  return children;
}

void UpdateImpl::countChild(MailboxId parent, int change) {
  auto record = mailbox(parent);
  if (!record) return;  // the root has a record only if somebody puts one
  record->subdirectories += static_cast<uint32_t>(change);
  put(changing(), tables_.mailboxes, idKey(parent.value), encode(*record));
}

void UpdateImpl::link(const MailboxRecord& record) {
  if (record.hidden) return;
  put(changing(), tables_.dirents, nameKey(record.parent, record.name), encodeId(record.id.value));
  put(changing(), tables_.children, childKey(record.parent, record.id.value), {});
  countChild(record.parent, 1);
}

void UpdateImpl::unlink(const MailboxRecord& record) {
  if (record.hidden) return;
  erase(changing(), tables_.dirents, nameKey(record.parent, record.name));
  erase(changing(), tables_.children, childKey(record.parent, record.id.value));
  countChild(record.parent, -1);
}

void UpdateImpl::putMailbox(const MailboxRecord& record) {
  require(isDirectory(record.id.value), Scope::mailbox, "a mailbox's id is without its mark");
  auto old = mailbox(record.id);
  bool moves = record.id != kRoot && (!old || old->parent != record.parent ||
                                      old->name != record.name || old->hidden != record.hidden);
  if (moves) {
    requireName(record.name, Scope::mailbox);
    if (!record.hidden) requireFree(record.parent, record.name, record.id.value, Scope::mailbox);
    requireAbove(record.parent, record.id);
    if (old) unlink(*old);
    link(record);
  }
  MailboxRecord changed = record;
  changed.subdirectories = old ? old->subdirectories : countChildren(record.id);
  put(changing(), tables_.mailboxes, idKey(record.id.value), encode(changed));
  totals_.highest_id = std::max(totals_.highest_id, record.id.value & ~kDirectoryBit);
}

void UpdateImpl::removeMailbox(MailboxId id) {
  require(id != kRoot, Scope::mailbox, "the root can't be removed");
  auto record = mailbox(id);
  if (!record) return;
  require(countChildren(id) == 0, Scope::mailbox, "a directory with directories can't be removed");
  bool foreign = false;
  arrivals(id, {}, [&](const MessageRecord& message) {
    foreign = message.mailbox != id;
    return !foreign;
  });
  require(!foreign, Scope::mailbox, "a directory that shows others' messages can't be removed");
  removeMessages(id);
  unlink(*record);
  erase(changing(), tables_.mailboxes, idKey(id.value));
}

void UpdateImpl::show(const MessageRecord& record) {
  const auto directory = shownIn(record);
  if (!directory) return;
  put(changing(), tables_.dirents, nameKey(*directory, record.name), encodeId(record.id.value));
  if (record.shown == Shown::arrived)
    put(changing(), tables_.arrivals, childKey(*directory, record.id.value), {});
}

void UpdateImpl::unshow(const MessageRecord& record) {
  const auto directory = shownIn(record);
  if (!directory) return;
  erase(changing(), tables_.dirents, nameKey(*directory, record.name));
  if (record.shown == Shown::arrived)
    erase(changing(), tables_.arrivals, childKey(*directory, record.id.value));
}

void UpdateImpl::putMessage(const MessageRecord& record) {
  uint64_t id = record.id.value;
  require(!isDirectory(id) && id >= kFirstLocalId, Scope::message, "no id of a message");
  auto old = message(record.id);
  const auto directory = shownIn(record);
  bool moves = !old || old->mailbox != record.mailbox;
  bool renamed =
      !old || shownIn(*old) != directory || old->shown != record.shown || old->name != record.name;
  bool renumbered = moves || old->uid != record.uid;
  if (moves) require(hasMailbox(record.mailbox), Scope::message, "no mailbox for a message");
  if (renamed && directory) {
    if (record.shown == Shown::arrived)
      require(hasMailbox(*directory), Scope::message, "no directory for a message");
    requireName(record.name, Scope::message);
    requireFree(*directory, record.name, id, Scope::message);
  }
  if (renumbered && record.uid != 0) {
    auto taken = byUid(record.mailbox, record.uid);
    require(!taken || *taken == record.id, Scope::message, "another message has that UID");
  }

  if (renamed) {
    if (old) unshow(*old);
    show(record);
  }
  if (renumbered) {
    if (old) erase(changing(), tables_.uids, pairKey(old->mailbox.value, old->uid));
    if (record.uid != 0)
      put(changing(), tables_.uids, pairKey(record.mailbox.value, record.uid), encodeId(id));
  }
  put(changing(), tables_.messages, idKey(id), encode(record));
  totals_.highest_id = std::max(totals_.highest_id, id);
}

void UpdateImpl::eraseChunk(Cursor& bodies) {
  const size_t bytes = bodies.valueSize();
  bodies.erase();
  changed_ = true;
  totals_.body_bytes -= bytes;
}

void UpdateImpl::forgetBody(MessageId id) {
  --totals_.bodies;
  erase(changing(), tables_.uses, idKey(id.value));
}

void UpdateImpl::removeBody(Cursor& bodies, MessageId id) {
  std::string prefix = idKey(id.value);
  if (!bodies.seek(prefix, prefix)) return;
  while (bodies.seek(prefix, prefix)) eraseChunk(bodies);
  forgetBody(id);
}

bool UpdateImpl::removeChunks(MessageId id, uint64_t bytes, const Deadline& turn) {
  const std::string prefix = idKey(id.value);
  const std::string end = idKey(id.value + 1);
  Cursor bodies(txn(), tables_.bodies);
  if (!bodies.seekBefore(end, prefix)) return true;
  do {
    if (totals_.body_bytes <= bytes || turn.passed()) return false;
    eraseChunk(bodies);
  } while (bodies.seekBefore(end, prefix));
  forgetBody(id);
  return true;
}

void UpdateImpl::removeDamagedChunk(MessageId id, uint32_t index) {
  std::string prefix = idKey(id.value);
  std::string key = pairKey(id.value, index);
  Cursor bodies(txn(), tables_.bodies);
  if (!bodies.seek(key, key)) return;
  try {
    bodies.value();
    return;  // written anew meanwhile
  } catch (const Error& error) {
    if (error.code != Code::damaged) throw;
  }
  eraseChunk(bodies);
  if (!bodies.seek(prefix, prefix)) forgetBody(id);
}

std::optional<uint64_t> UpdateImpl::lastUse(MessageId id) const {
  return store::lastUse(txn(), tables_, id);
}

void UpdateImpl::putUse(MessageId id, uint64_t when) {
  if (exists(txn(), tables_.uses, idKey(id.value)))
    put(changing(), tables_.uses, idKey(id.value), encodeId(when));
}

void UpdateImpl::removeRecord(Cursor& bodies, const MessageRecord& record) {
  removeBody(bodies, record.id);
  unshow(record);
  erase(changing(), tables_.uids, pairKey(record.mailbox.value, record.uid));
  erase(changing(), tables_.messages, idKey(record.id.value));
}

void UpdateImpl::removeMessage(MessageId id) {
  auto record = message(id);
  if (!record) return;
  Cursor bodies(txn(), tables_.bodies);
  removeRecord(bodies, *record);
}

void UpdateImpl::removeMessages(MailboxId mailbox) {
  const std::string prefix = idKey(mailbox.value);
  std::vector<MessageId> gone;
  std::string next = prefix;
  for (Cursor uids(txn(), tables_.uids); uids.seek(next, prefix);) {
    next = behind(uids.key());
    gone.push_back(MessageId{decodeId(uids.value())});
  }
  // Those that have no UID yet.
  next = prefix;
  for (Cursor dirents(txn(), tables_.dirents); dirents.seek(next, prefix);) {
    next = behind(dirents.key());
    const uint64_t node = decodeId(dirents.value());
    if (isDirectory(node)) continue;
    const auto record = message(MessageId{node});
    if (record && record->mailbox == mailbox && record->uid == 0) gone.push_back(record->id);
  }
  // In the order of the keys a page is touched once.
  std::sort(gone.begin(), gone.end());
  Cursor bodies(txn(), tables_.bodies);
  for (MessageId id : gone)
    if (const auto record = message(id)) removeRecord(bodies, *record);
}

void UpdateImpl::putChunk(MessageId id, uint32_t index, std::string_view bytes) {
  require(bytes.size() <= kChunkBytes, Scope::message, "a chunk is too long");
  if (!exists(txn(), tables_.messages, idKey(id.value))) return;
  std::string prefix = idKey(id.value);
  std::string key = pairKey(id.value, index);
  {
    Cursor bodies(txn(), tables_.bodies);
    if (!bodies.seek(prefix, prefix)) {
      ++totals_.bodies;
      put(changing(), tables_.uses, idKey(id.value), encodeId(nowStamp()));
    }
    if (bodies.seek(key, key)) {
      bodies.requireSoundPlace();
      totals_.body_bytes -= bodies.valueSize();
    }
  }
  put(changing(), tables_.bodies, key, bytes);
  totals_.body_bytes += bytes.size();
}

void UpdateImpl::commit() {
  if (changed_) writeTotals(txn(), tables_, totals_);
  failPoint("cache: before a commit");
  txn_.commit();
  failPoint("cache: committed");
}

}  // namespace

std::unique_ptr<CacheUpdate> beginUpdate(MDB_env* env, const Tables& tables,
                                         Durability durability) {
  return std::make_unique<UpdateImpl>(env, tables, durability);
}

}  // namespace emlfs::store
