#include "sync/revalued.h"

namespace emlfs::sync {
namespace {

bool same(const store::MessageRecord& message, const MessageMeta& meta) {
  const bool same_size = message.size_known || message.size == meta.size;
  return same_size && message.message_id == meta.header.message_id && message.date == meta.date;
}

}  // namespace

std::optional<UidValidity> revalued(imap::Session& session, Store store,
                                    const store::MailboxRecord& record, const std::string& wire) {
  const auto& known = record.state;
  if (!record.selectable || known.uid_validity == 0) return std::nullopt;
  const auto now = session.examine(wire);
  if (now.uid_validity == 0 || now.uid_validity == known.uid_validity) return std::nullopt;
  bool all = true;
  if (known.listed_to > 0 && now.messages > 0) {
    session.fetchMetadata(1, known.listed_to, [&](MessageMeta&& meta) {
      const auto snapshot = store.cache.snapshot();
      const auto id = snapshot->byUid(record.id, meta.uid);
      const auto message = id ? snapshot->message(*id) : std::nullopt;
      if (message && !same(*message, meta)) all = false;
    });
  }
  return all ? std::optional(now.uid_validity) : std::nullopt;
}

}  // namespace emlfs::sync
