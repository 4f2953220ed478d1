#include "sync/revalued.h"

#include <limits>
#include <map>
#include <tuple>
#include <vector>

namespace emlfs::sync {
namespace {

// RFC822.SIZE may lie, and only one of both sides knows: it can't be part of this.
using Likeness = std::tuple<std::string, int64_t>;

}  // namespace

std::optional<Revalued> revalued(imap::Session& session, Store store,
                                 const store::MailboxRecord& record, const std::string& wire) {
  const auto before = record.state.uid_validity;
  if (!record.selectable || before == 0) return std::nullopt;
  const auto now = session.examine(wire);
  if (now.uid_validity == 0 || now.uid_validity == before) return std::nullopt;

  std::map<Likeness, std::vector<Uid>> known;
  std::map<Likeness, std::vector<Uid>> found;
  store.cache.snapshot()->messages(record.id, 0, [&](const store::MessageRecord& message) {
    known[{message.message_id, message.date.seconds}].push_back(message.uid);
    return true;
  });
  std::map<Uid, Likeness> in_order;
  if (!known.empty() && now.messages > 0)
    session.fetchMetadata(1, std::numeric_limits<Uid>::max(), [&](MessageMeta&& meta) {
      in_order[meta.uid] = {meta.header.message_id, meta.date.seconds};
    });
  for (const auto& [uid, likeness] : in_order) found[likeness].push_back(uid);

  Revalued result{before, now.uid_validity, {}};
  for (const auto& [likeness, uids] : known) {
    const auto& others = found[likeness];
    if (others.size() != uids.size()) continue;
    for (size_t i = 0; i < uids.size(); ++i) result.uids[uids[i]] = others[i];
  }
  return result;
}

void renumber(store::Update& update, store::MailboxRecord& record, const Revalued& revalued,
              TreeChange& change) {
  std::vector<store::MessageRecord> messages;
  update.messages(record.id, 0, [&](const store::MessageRecord& message) {
    messages.push_back(message);
    return true;
  });
  for (auto message : messages) {
    message.uid = 0;  // so that none takes another's
    update.putMessage(message);
  }
  Uid last = 0;
  uint32_t kept = 0;
  for (auto& message : messages) {
    const auto at = revalued.uids.find(message.uid);
    if (at == revalued.uids.end()) {
      if (store::shownIn(message) == record.id) {
        change.directory = record.id;
        change.entries = true;
        change.removed.push_back({message.id.value, message.name});
      }
      update.removeMessage(message.id);
      continue;
    }
    message.uid = at->second;
    message.modseq = 0;
    update.putMessage(message);
    last = std::max(last, message.uid);
    ++kept;
  }
  const bool whole = record.state.complete && kept == messages.size();
  record.state = {};
  record.state.uid_validity = revalued.now;
  record.state.messages = kept;
  record.state.complete = whole;
  record.state.listed_to = whole ? last : 0;
  record.state.uid_next = whole ? last + 1 : 0;
}

}  // namespace emlfs::sync
