#include "sync/revalued.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sync/apply.h"
#include "sync/overlay.h"

namespace emlfs::sync {
namespace {

// What is known of a mailbox under its old UIDs.
struct Known {
  UidValidity before = 0;
  std::map<Likeness, std::set<Uid>> messages;

  void note(UidValidity validity, Uid uid, Likeness likeness) {
    if (validity == 0 || uid == 0) return;
    if (before == 0) before = validity;
    if (validity == before) messages[std::move(likeness)].insert(uid);
  }
};

Known knownOf(Store store, const store::MailboxRecord& record,
              const std::vector<Mention>& mentioned, UidValidity now) {
  Known known;
  if (record.state.uid_validity != now)
    store.cache.snapshot()->messages(record.id, 0, [&](const store::MessageRecord& message) {
      known.note(record.state.uid_validity, message.uid,
                 {message.message_id, message.date.seconds});
      return true;
    });
  for (const auto& [validity, uid, likeness] : mentioned)
    if (validity != now) known.note(validity, uid, likeness);
  return known;
}

}  // namespace

Mentions mentions(const Pending& pending) {
  Mentions all;
  for (const auto& change : pending.changes()) {
    if (ofMailboxes(change)) continue;
    const auto& source = change.source;
    const Likeness likeness{source.message_id, change.date.seconds};
    all[source.mailbox].push_back({source.uid_validity, source.uid, likeness});
    all[change.mailbox].push_back(
        {change.destination.uid_validity, change.destination.uid, likeness});
  }
  pending.eachName([&](const store::GivenName& given) {
    const auto& key = given.key;
    all[key.mailbox].push_back({key.uid_validity, key.uid, {given.message_id, given.date}});
    return true;
  });
  return all;
}

std::optional<Revalued> revalued(imap::Session& session, Store store,
                                 const store::MailboxRecord& record,
                                 const std::vector<Mention>& mentioned, const std::string& wire) {
  if (!record.selectable || (record.state.uid_validity == 0 && mentioned.empty()))
    return std::nullopt;
  const auto state = session.examine(wire);
  const UidValidity now = state.uid_validity;
  if (now == 0) return std::nullopt;

  const Known known = knownOf(store, record, mentioned, now);
  std::map<Uid, Likeness> in_order;
  if (!known.messages.empty() && state.messages > 0)
    session.fetchMetadata(1, std::numeric_limits<Uid>::max(), [&](MessageMeta&& meta) {
      in_order[meta.uid] = {meta.header.message_id, meta.date.seconds};
    });
  std::map<Likeness, std::vector<Uid>> found;
  for (const auto& [uid, likeness] : in_order) found[likeness].push_back(uid);

  Revalued result{known.before, now, {}};
  for (const auto& [likeness, uids] : known.messages) {
    const auto& others = found[likeness];
    if (others.size() != uids.size()) continue;
    std::transform(uids.begin(), uids.end(), others.begin(),
                   std::inserter(result.uids, result.uids.end()),
                   [](Uid before, Uid after) { return std::pair(before, after); });
  }
  if (result.before == 0 && record.state.uid_validity != now)
    result.before = record.state.uid_validity;
  return result.before == 0 ? std::nullopt : std::optional(std::move(result));
}

void renumber(store::Update& update, store::MailboxRecord& record, const Revalued& revalued,
              TreeChange& change, Changes& elsewhere) {
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
      } else {
        elsewhere.unname(message);
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
  record.state = forgotten(record.state, revalued.now);
  record.state.messages = kept;
  record.state.complete = whole;
  if (!whole) return;
  record.state.listed_to = last;
  record.state.uid_next = last + 1;
}

}  // namespace emlfs::sync
