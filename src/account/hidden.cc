#include "account/hidden.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "account/pages.h"
#include "emlfs/view/names.h"

namespace emlfs {
namespace {

using Json = nlohmann::json;

// Pages hold first what the server has in the directory, by UID, then what is on its way there, by
// local id with this bit, then directories, by theirs.
constexpr uint64_t kArriving = uint64_t{1} << 60;

// Where it is is the server's business, where it will be is ours.
bool isHiddenIn(sync::Store store, const store::MailboxRecord& directory,
                const store::MessageRecord& message) {
  if (message.shown != store::Shown::hidden) return false;
  const auto ours = store.pending->outlook(message.id);
  if (ours && ours->expunged) return false;
  return ours && ours->directory ? *ours->directory == directory.wire
                                 : message.mailbox == directory.id && message.uid != 0;
}

bool isOnItsWay(sync::Store store, MessageId id) {
  const auto ours = store.pending->outlook(id);
  return ours && ours->directory;
}

// Of one whose body is in the cache: the store doesn't keep headers.
std::optional<std::string> subjectOf(const store::Snapshot& snapshot, MessageId id) {
  const auto chunk = snapshot.chunk(id, 0);
  if (!chunk) return std::nullopt;
  const auto end = std::min(chunk->find("\r\n\r\n"), chunk->size());
  return view::decodeHeader(parseHeaderFields(chunk->substr(0, end)).subject);
}

}  // namespace

std::vector<MessageId> hiddenIn(sync::Store store, MailboxId directory,
                                const std::set<MessageId>& wanted) {
  std::vector<MessageId> found;
  const auto snapshot = store.cache.snapshot();
  const auto mailbox = snapshot->mailbox(directory);
  if (!mailbox || !mailbox->selectable) return found;
  for (const MessageId id : wanted)
    if (const auto message = snapshot->message(id);
        message && isHiddenIn(store, *mailbox, *message))
      found.push_back(id);
  return found;
}

std::string hiddenJson(sync::Store store, MailboxId directory, uint64_t after) {
  const auto snapshot = store.cache.snapshot();
  const auto mailbox = snapshot->mailbox(directory);
  const bool selectable = mailbox && mailbox->selectable;
  Page page(Json{{"listed", !selectable || mailbox->state.complete},
                 {"messages", Json::array()},
                 {"directories", Json::array()}});
  const auto add = [&](const store::MessageRecord& message, uint64_t key) {
    if (!isHiddenIn(store, *mailbox, message)) return true;
    Json one{{"id", message.id.value},
             {"name", message.name},
             {"date", message.date.seconds},
             {"size", message.size}};
    if (auto subject = subjectOf(*snapshot, message.id)) one["subject"] = std::move(*subject);
    return page.add("messages", std::move(one), key);
  };
  if (selectable && after < kArriving)
    snapshot->messages(directory,
                       static_cast<Uid>(std::min<uint64_t>(after, std::numeric_limits<Uid>::max())),
                       [&](const store::MessageRecord& message) {
                         return message.shown != store::Shown::hidden ||
                                isOnItsWay(store, message.id) || add(message, message.uid);
                       });
  if (selectable && after < kDirectoryBit && !page.full()) {
    auto ids = store.pending->messages();
    std::ranges::sort(ids);
    for (const MessageId id : ids) {
      const uint64_t key = kArriving | id.value;
      if (key <= after || !isOnItsWay(store, id)) continue;
      const auto message = snapshot->message(id);
      if (message && !add(*message, key)) break;
    }
  }
  if (!page.full())
    snapshot->subdirectories(directory, after < kDirectoryBit ? 0 : after,
                             [&](const store::MailboxRecord& below) {
                               return page.add("directories", below.name, below.id.value);
                             });
  return page.take();
}

}  // namespace emlfs
