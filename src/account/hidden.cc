#include "account/hidden.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "account/pages.h"
#include "emlfs/view/names.h"

namespace emlfs {
namespace {

using Json = nlohmann::json;

std::set<MessageId> toBeExpunged(const sync::Pending& pending) {
  std::set<MessageId> ids;
  for (const auto& change : pending.changes())
    if (change.kind == store::Change::Kind::expunge && change.state != store::Change::State::parked)
      ids.insert(change.id);
  return ids;
}

// Of one whose body is in the cache: the store doesn't keep headers.
std::optional<std::string> subjectOf(const store::Snapshot& snapshot, MessageId id) {
  const auto chunk = snapshot.chunk(id, 0);
  if (!chunk) return std::nullopt;
  const auto end = std::min(chunk->find("\r\n\r\n"), chunk->size());
  return view::decodeHeader(parseHeaderFields(chunk->substr(0, end)).subject);
}

}  // namespace

std::vector<store::MessageRecord> hiddenIn(sync::Store store, MailboxId directory) {
  std::vector<store::MessageRecord> found;
  const auto snapshot = store.cache.snapshot();
  const auto mailbox = snapshot->mailbox(directory);
  if (!mailbox || !mailbox->selectable) return found;
  const auto expunged = toBeExpunged(*store.pending);
  // Where it is is the server's business, where it will be is ours.
  const auto goesTo = [&](MessageId id) -> std::optional<std::string> {
    const auto ours = store.pending->outlook(id);
    return ours ? ours->directory : std::nullopt;
  };
  snapshot->messages(directory, 0, [&](const store::MessageRecord& message) {
    if (message.shown == store::Shown::hidden && !goesTo(message.id) &&
        expunged.count(message.id) == 0)
      found.push_back(message);
    return true;
  });
  for (const MessageId id : store.pending->messages()) {
    if (goesTo(id) != mailbox->wire || expunged.count(id) != 0) continue;
    const auto message = snapshot->message(id);
    if (message && message->shown == store::Shown::hidden) found.push_back(*message);
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.id.value < b.id.value; });
  return found;
}

std::string hiddenJson(sync::Store store, MailboxId directory, MessageId after) {
  const auto hidden = hiddenIn(store, directory);
  const auto snapshot = store.cache.snapshot();
  const auto mailbox = snapshot->mailbox(directory);
  Json directories = Json::array();
  if (after.value == 0)
    snapshot->subdirectories(directory, 0, [&](const store::MailboxRecord& below) {
      directories.push_back(below.name);
      return true;
    });
  Page page;
  for (const auto& message : hidden) {
    if (message.id.value <= after.value) continue;
    Json one{{"id", message.id.value},
             {"name", message.name},
             {"date", message.date.seconds},
             {"size", message.size}};
    if (auto subject = subjectOf(*snapshot, message.id)) one["subject"] = std::move(*subject);
    if (!page.add(std::move(one), message.id.value)) break;
  }
  return page.take("messages",
                   {{"listed", !mailbox || !mailbox->selectable || mailbox->state.complete},
                    {"directories", std::move(directories)}});
}

}  // namespace emlfs
