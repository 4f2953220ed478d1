#include "sync/copy_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "emlfs/base/error.h"
#include "sync/finishing.h"
#include "sync/sent.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();
constexpr uint32_t kPiece = 4 << 20;  // two of them are held

// What a cut may cost, to be found out again.
constexpr size_t kMostFound = 32;
constexpr uint64_t kMostBytes = 8 << 20;

class CopySearch {
 public:
  CopySearch(imap::Session& session, Store store, const Run& run)
      : session_(session),
        store_(store),
        left_(run),
        from_(run.front().source.mailbox),
        to_(run.front().mailbox) {
    for (Change& change : store.pending->changes())
      if (change.state == Change::State::copied && change.mailbox == to_)
        others_.push_back(std::move(change));
  }

  Copies run() {
    Finishing finishing(store_.pending->unanswered(left_));
    look();
    while (!left_.empty() && !enough() && finishing.more(session_)) look();
    if (!enough()) giveUpUnreadable();
    return {std::move(found_), std::move(unreadable_)};
  }

 private:
  void look() {
    why_.clear();
    const auto now = session_.examine(to_);
    validity_ = now.uid_validity;
    Uid first = kLastUid;
    for (const Change& change : left_)
      first = std::min(first, isNoted(change) ? change.destination.uid_next : 1);
    std::vector<MessageMeta> candidates;
    session_.fetchMetadata(first, kLastUid, [&](MessageMeta&& meta) {
      if (meta.uid >= first && mayBeCopy(meta)) candidates.push_back(std::move(meta));
    });
    std::erase_if(candidates, [&](const MessageMeta& meta) { return taken_.count(meta.uid) != 0; });
    std::ranges::sort(candidates, {}, &MessageMeta::uid);
    for (const auto& meta : candidates) {
      take(meta);
      if (left_.empty() || enough()) break;
    }
    open(to_);
  }

  bool enough() const {
    return !found_.empty() && (found_.size() >= kMostFound || bytes_ >= kMostBytes);
  }

  void open(const std::string& wire) {
    if (session_.selected() != wire) session_.examine(wire);
  }

  static bool mayBe(const Change& change, const MessageMeta& meta) {
    // The zone of what was sent is ours; some servers give another.
    const bool same_date = change.kind == Change::Kind::append
                               ? change.date.seconds == meta.date.seconds
                               : change.date == meta.date;
    return same_date && change.source.size == meta.size &&
           change.source.message_id == meta.header.message_id;
  }

  bool mayBeCopy(const MessageMeta& meta) const {
    return std::ranges::any_of(left_, [&](const Change& change) { return mayBe(change, meta); });
  }

  // What was there before it was sent is known.
  bool isNoted(const Change& change) const {
    return change.destination.uid_validity == validity_ && change.destination.uid_next != 0;
  }

  std::optional<store::MessageRecord> known(Uid uid) const {
    const auto snapshot = store_.cache.snapshot();
    const auto mailbox = mailboxByWire(*snapshot, to_);
    if (!mailbox || mailbox->state.uid_validity != validity_) return std::nullopt;
    const auto id = snapshot->byUid(mailbox->id, uid);
    return id ? snapshot->message(*id) : std::nullopt;
  }

  // What is on its way isn't shown. But since it was refused its copy is, as another's message; and
  // not as one that we have moved there.
  bool mayHaveBecome(const Change& change, Uid uid,
                     const std::optional<store::MessageRecord>& shown) const {
    if (isNoted(change) && uid < change.destination.uid_next) return false;
    const bool since_refused = change.recovered && isNoted(change);
    return !shown || (since_refused && shown->shown == store::Shown::in_place);
  }

  // Of what has arrived, and the store hasn't heard of it: a message of the same bytes. If that is
  // a wrong guess one is there twice; the other way one would be lost.
  bool isAnothers(const MessageMeta& meta, bool shown) {
    const auto in_place = [&](const Change& other) {
      return other.destination.uid_validity == validity_;
    };
    const auto is_known = [&](const Change& other) {
      return other.destination.uid != 0 && in_place(other);
    };
    if (std::ranges::any_of(others_, [&](const Change& other) {
          return is_known(other) && other.destination.uid == meta.uid;
        }))
      return true;
    if (shown) return false;
    const auto at = std::ranges::find_if(others_, [&](const Change& other) {
      const bool was_there = in_place(other) && meta.uid < other.destination.uid_next;
      return !is_known(other) && !was_there && mayBe(other, meta);
    });
    if (at == others_.end()) return false;
    others_.erase(at);
    taken_.insert(meta.uid);
    return true;
  }

  void take(const MessageMeta& meta) {
    const auto shown = known(meta.uid);
    if (shown && std::ranges::none_of(left_, &Change::recovered)) return;
    if (isAnothers(meta, shown.has_value())) return;
    const auto at = std::ranges::find_if(left_, [&](const Change& change) {
      return mayBe(change, meta) && mayHaveBecome(change, meta.uid, shown) &&
             isSame(change, meta.uid);
    });
    if (at == left_.end()) return;
    at->destination.uid_validity = validity_;
    at->destination.uid = meta.uid;
    taken_.insert(meta.uid);
    found_.push_back(std::move(*at));
    left_.erase(at);
  }

  // One that can't be read says nothing of the others.
  bool isSame(const Change& change, Uid copy) {
    try {
      return sameBytes(change, copy);
    } catch (const Error& error) {
      if (error.scope != Scope::message) throw;
      if (error.code == Code::stale) return false;
      const Error why(error.code, Scope::message,
                      fmt::format("it may be there already, as UID {}: {}", copy, error.what()),
                      error.server);
      why_.insert_or_assign(change.number, why);
      return false;
    }
  }

  bool sameBytes(const Change& change, Uid copy) {
    const auto whole = cached(change.id);
    for (uint64_t at = 0;;) {
      const std::string original = whole ? *whole : fetch(from_, change.source.uid, at);
      if (original != fetch(to_, copy, at)) return false;
      at += original.size();
      if (original.size() < kPiece) return at > 0;
    }
  }

  void giveUpUnreadable() {
    for (const Change& change : left_)
      if (const auto why = why_.find(change.number); why != why_.end())
        unreadable_.emplace_back(change, why->second);
  }

  std::string fetch(const std::string& wire, Uid uid, uint64_t at) {
    open(wire);
    std::string bytes = session_.fetchBody(uid, at, kPiece).bytes;
    bytes_ += bytes.size();
    return bytes;
  }

  // A body of less than a piece, if all of it is in the cache.
  std::optional<std::string> cached(MessageId id) const {
    try {
      const auto snapshot = store_.cache.snapshot();
      const auto message = snapshot->message(id);
      if (!message || message->size == 0 || message->size >= kPiece) return std::nullopt;
      std::string bytes;
      for (uint32_t index = 0; bytes.size() < message->size; ++index) {
        const auto chunk = snapshot->chunk(id, index);
        if (!chunk || chunk->empty()) return std::nullopt;
        bytes += *chunk;
      }
      return bytes.size() == message->size ? std::optional(std::move(bytes)) : std::nullopt;
    } catch (const Error& error) {
      if (error.code != Code::damaged) throw;
      return std::nullopt;
    }
  }

  imap::Session& session_;
  const Store store_;
  Run left_;
  const std::string from_;
  const std::string to_;
  UidValidity validity_ = 0;
  Run found_;
  std::map<uint64_t, Error> why_;  // the server gives no bytes, by the number of the change
  std::vector<std::pair<Change, Error>> unreadable_;
  uint64_t bytes_ = 0;  // compared
  std::set<Uid> taken_;
  Run others_;  // that have been copied into it
};

}  // namespace

Copies findCopies(imap::Session& session, Store store, const Run& run) {
  return CopySearch(session, store, run).run();
}

}  // namespace emlfs::sync
