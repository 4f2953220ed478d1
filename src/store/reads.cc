#include "store/reads.h"

namespace emlfs::store {
namespace {

template <class Record>
Record required(MDB_txn* txn, std::optional<Record> record) {
  if (!record) throwDamaged(txn, "the store has an index without a record");
  return std::move(*record);
}

}  // namespace

template <class Base>
std::optional<std::string> Reads<Base>::setting(std::string_view key) const {
  auto bytes = get(txn(), tables_.settings, key);
  if (!bytes) return std::nullopt;
  return std::string(*bytes);
}

template <class Base>
std::optional<MailboxRecord> Reads<Base>::mailbox(MailboxId id) const {
  auto bytes = get(txn(), tables_.mailboxes, idKey(id.value));
  if (!bytes) return std::nullopt;
  return decodeMailbox(id, *bytes);
}

template <class Base>
std::optional<MessageRecord> Reads<Base>::message(MessageId id) const {
  auto bytes = get(txn(), tables_.messages, idKey(id.value));
  if (!bytes) return std::nullopt;
  return decodeMessage(id, *bytes);
}

template <class Base>
std::optional<Dirent> Reads<Base>::find(MailboxId directory, std::string_view name) const {
  auto bytes = get(txn(), tables_.dirents, nameKey(directory, name));
  if (!bytes) return std::nullopt;
  return Dirent{decodeId(*bytes)};
}

template <class Base>
std::optional<MessageId> Reads<Base>::byUid(MailboxId mailbox, Uid uid) const {
  auto bytes = get(txn(), tables_.uids, pairKey(mailbox.value, uid));
  if (!bytes) return std::nullopt;
  return MessageId{decodeId(*bytes)};
}

template <class Base>
void Reads<Base>::subdirectories(MailboxId directory, uint64_t after,
                                 const std::function<bool(const MailboxRecord&)>& each) const {
  std::string prefix = idKey(directory.value);
  std::string next = behind(childKey(directory, after));
  for (Cursor cursor(txn(), tables_.children); cursor.seek(next, prefix);) {
    next = behind(cursor.key());
    MailboxId child{decodeId(cursor.key().substr(prefix.size()))};
    if (!each(required(txn(), mailbox(child)))) return;
  }
}

template <class Base>
void Reads<Base>::messages(MailboxId mailbox, Uid after,
                           const std::function<bool(const MessageRecord&)>& each) const {
  std::string prefix = idKey(mailbox.value);
  std::string next = behind(pairKey(mailbox.value, after));
  for (Cursor cursor(txn(), tables_.uids); cursor.seek(next, prefix);) {
    next = behind(cursor.key());
    if (!each(required(txn(), message(MessageId{decodeId(cursor.value())})))) return;
  }
}

template <class Base>
void Reads<Base>::messagesBefore(MailboxId mailbox, Uid before,
                                 const std::function<bool(const MessageRecord&)>& each) const {
  const std::string prefix = idKey(mailbox.value);
  std::string at = pairKey(mailbox.value, before);
  for (Cursor cursor(txn(), tables_.uids); cursor.seekBefore(at, prefix);) {
    at = cursor.key();
    if (!each(required(txn(), message(MessageId{decodeId(cursor.value())})))) return;
  }
}

template <class Base>
void Reads<Base>::byName(MailboxId directory, std::string_view after,
                         const std::function<bool(const MessageRecord&)>& each) const {
  const std::string prefix = idKey(directory.value);
  std::string next = behind(nameKey(directory, after));
  for (Cursor cursor(txn(), tables_.dirents); cursor.seek(next, prefix);) {
    next = behind(cursor.key());
    const uint64_t node = decodeId(cursor.value());
    if (!isDirectory(node) && !each(required(txn(), message(MessageId{node})))) return;
  }
}

template <class Base>
void Reads<Base>::arrivals(MailboxId directory, MessageId after,
                           const std::function<bool(const MessageRecord&)>& each) const {
  std::string prefix = idKey(directory.value);
  std::string next = behind(childKey(directory, after.value));
  for (Cursor cursor(txn(), tables_.arrivals); cursor.seek(next, prefix);) {
    next = behind(cursor.key());
    MessageId id{decodeId(cursor.key().substr(prefix.size()))};
    if (!each(required(txn(), message(id)))) return;
  }
}

template <class Base>
std::vector<MailboxRecord> Reads<Base>::mailboxes() const {
  std::vector<MailboxRecord> records;
  std::string next = idKey(0);
  for (Cursor cursor(txn(), tables_.mailboxes); cursor.seek(next);) {
    next = behind(cursor.key());
    records.push_back(decodeMailbox(MailboxId{decodeId(cursor.key())}, cursor.value()));
  }
  return records;
}

template <class Base>
std::optional<std::string_view> Reads<Base>::chunk(MessageId id, uint32_t index) const {
  return get(txn(), tables_.bodies, pairKey(id.value, index));
}

template <class Base>
uint64_t Reads<Base>::cachedBytes(MessageId id) const {
  const std::string prefix = idKey(id.value);
  uint64_t bytes = 0;
  std::string next = prefix;
  for (Cursor cursor(txn(), tables_.bodies); cursor.seek(next, prefix);) {
    bytes += cursor.valueSize();
    next = behind(cursor.key());
  }
  return bytes;
}

template class Reads<Snapshot>;
template class Reads<CacheUpdate>;

}  // namespace emlfs::store
