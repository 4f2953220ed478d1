#include "account/draft_record.h"

#include <algorithm>
#include <ctime>

#include "emlfs/base/log.h"
#include "emlfs/mail/message.h"
#include "emlfs/sync/free_name.h"

namespace emlfs {
namespace {

constexpr size_t kPiece = 256 << 10;
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

Error notAMessage() {
  return Error(Code::invalid, Scope::message,
               "only messages can be in a mailbox, and this doesn't begin like one");
}

void touchDirectory(store::Update& update, MailboxId directory) {
  auto record = update.mailbox(directory);
  if (!record) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  record->changed = std::max(now.tv_sec * kSecond + now.tv_nsec, record->changed + 1);
  update.putMailbox(*record);
}

void putRecord(store::Cache& cache, const store::MessageRecord& record) {
  const auto update = cache.begin(store::Durability::soon);
  update->putMessage(record);
  touchDirectory(*update, record.directory);
  update->commit();
}

void dropDraft(const store::Spool& spool, store::Journal& journal, MessageId id,
               const std::string& file) noexcept {
  try {
    spool.remove(file);
    store::Batch batch;
    batch.remove_names.push_back({{}, 0, 0, id});
    journal.commit(batch);
  } catch (const std::exception& error) {
    log::warning("a draft that is no more is left in the journal: {}", error.what());
  }
}

void copyBody(const store::Snapshot& snapshot, const store::MessageRecord& message, int fd) {
  using store::kChunkBytes;
  for (uint64_t at = 0; at < message.size; at += kChunkBytes) {
    const auto chunk = snapshot.chunk(message.id, static_cast<uint32_t>(at / kChunkBytes));
    if (!chunk || chunk->size() != std::min<uint64_t>(kChunkBytes, message.size - at))
      throw Error(Code::busy, Scope::message, "the message is not in the cache: read it first");
    store::writeAt(fd, *chunk, at);
  }
}

sync::TreeChange hideReplaced(store::Update& update, store::MessageRecord message,
                              const store::Change& deletion) {
  sync::TreeChange change;
  message.shown = store::Shown::hidden;
  update.putMessage(message);
  if (deletion.kind != store::Change::Kind::move) return change;
  const auto all = update.mailboxes();
  const auto trash = std::ranges::find_if(all, [&](const store::MailboxRecord& mailbox) {
    return mailbox.selectable && mailbox.wire == deletion.mailbox;
  });
  if (trash == all.end()) return change;
  message.name = sync::freeName(update, trash->id, message.name);
  message.shown = store::Shown::arrived;
  message.directory = trash->id;
  update.putMessage(message);
  touchDirectory(update, trash->id);
  change.directory = trash->id;
  change.entries = true;
  change.added.push_back(message.name);
  change.attributes.push_back(trash->id.value);
  return change;
}

sync::TreeChange instead(const store::MessageRecord& old, const store::MessageRecord& record) {
  sync::TreeChange change;
  change.directory = record.directory;
  change.entries = true;
  change.removed.push_back({old.id.value, old.name});
  change.added.push_back(record.name);
  change.attributes.push_back(record.directory.value);
  return change;
}

void copyFile(int from, int to) {
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0;; at += kPiece) {
    const size_t got = store::readAt(from, piece, at);
    store::writeAt(to, std::string_view(piece).substr(0, got), at);
    if (got < kPiece) return;
  }
}

MessageId idOf(const std::string& file) {
  uint64_t id = 0;
  for (const char digit : file) {
    if (digit < '0' || digit > '9') break;
    id = id * 10 + static_cast<uint64_t>(digit - '0');
  }
  return MessageId{id};
}

uint64_t highestId(const store::Journal& journal, const store::Spool& spool) {
  uint64_t highest = 0;
  const auto see = [&](uint64_t id) { highest = std::max(highest, id & ~kDirectoryBit); };
  for (const auto& change : journal.changes()) see(change.id.value);
  journal.eachName([&](const store::GivenName& name) {
    if (name.key.uid == 0) see(name.key.id.value);
    return true;
  });
  for (const auto& file : spool.list()) see(idOf(file).value);
  return highest;
}

Contents contentsOf(int fd) {
  Contents contents;
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0;; at += piece.size()) {
    piece.resize(kPiece);
    piece.resize(store::readAt(fd, piece, at));
    contents.has_nul |= piece.find('\0') != std::string::npos;
    if (at == 0) {
      contents.beginning = store::canBeginMessage(piece);
      // Of a header that is longer than this the Message-ID is not looked for.
      const size_t end = std::min(piece.find("\n\r\n"), piece.find("\n\n"));
      contents.message_id =
          parseHeaderFields(std::string_view(piece).substr(0, end == piece.npos ? end : end + 1))
              .message_id;
    }
    if (piece.size() < kPiece) return contents;
  }
}

}  // namespace emlfs
