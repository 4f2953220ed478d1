#include "sync/copy_search.h"

#include <algorithm>
#include <limits>
#include <set>

#include "emlfs/base/error.h"
#include "sync/finishing.h"
#include "sync/sent.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();
constexpr uint32_t kPiece = 4 << 20;  // two of them are held

class CopySearch {
 public:
  CopySearch(imap::Session& session, Store store, const Run& run)
      : session_(session),
        store_(store),
        left_(run),
        from_(run.front().source.mailbox),
        to_(run.front().mailbox) {}

  Run run() {
    Finishing finishing;
    look();
    while (!left_.empty() && finishing.more(session_)) look();
    return std::move(found_);
  }

 private:
  void look() {
    const auto& noted = left_.front().destination;
    const auto now = session_.examine(to_);
    validity_ = now.uid_validity;
    const bool was_noted = noted.uid_validity == validity_ && noted.uid_next != 0;
    const Uid first = was_noted ? noted.uid_next : 1;
    std::vector<MessageMeta> candidates;
    session_.fetchMetadata(first, kLastUid, [&](MessageMeta&& meta) {
      if (meta.uid >= first && mayBeCopy(meta)) candidates.push_back(std::move(meta));
    });
    std::erase_if(candidates, [&](const MessageMeta& meta) {
      return taken_.count(meta.uid) != 0 || isKnown(meta.uid);
    });
    std::ranges::sort(candidates, {}, &MessageMeta::uid);
    for (const auto& meta : candidates) take(meta);
    if (session_.selected() != to_) session_.examine(to_);
  }

  static bool mayBe(const Change& change, const MessageMeta& meta) {
    return change.source.size == meta.size && change.date == meta.date &&
           change.source.message_id == meta.header.message_id;
  }

  bool mayBeCopy(const MessageMeta& meta) const {
    return std::ranges::any_of(left_, [&](const Change& change) { return mayBe(change, meta); });
  }

  // It was shown before, and what is on its way isn't.
  bool isKnown(Uid uid) const {
    const auto snapshot = store_.cache.snapshot();
    const auto mailbox = mailboxByWire(*snapshot, to_);
    return mailbox && mailbox->state.uid_validity == validity_ &&
           snapshot->byUid(mailbox->id, uid).has_value();
  }

  void take(const MessageMeta& meta) {
    const auto at = std::ranges::find_if(left_, [&](const Change& change) {
      return mayBe(change, meta) && sameBytes(change.source.uid, meta.uid);
    });
    if (at == left_.end()) return;
    at->destination.uid_validity = validity_;
    at->destination.uid = meta.uid;
    taken_.insert(meta.uid);
    found_.push_back(std::move(*at));
    left_.erase(at);
  }

  bool sameBytes(Uid source, Uid copy) {
    try {
      for (uint64_t at = 0;;) {
        session_.examine(from_);
        const auto original = session_.fetchBody(source, at, kPiece);
        session_.examine(to_);
        const auto other = session_.fetchBody(copy, at, kPiece);
        if (original.bytes != other.bytes) return false;
        at += original.bytes.size();
        if (original.bytes.size() < kPiece) return at > 0;
      }
    } catch (const Error& error) {
      if (error.code != Code::stale || error.scope != Scope::message) throw;
      return false;
    }
  }

  imap::Session& session_;
  const Store store_;
  Run left_;
  const std::string from_;
  const std::string to_;
  UidValidity validity_ = 0;
  Run found_;
  std::set<Uid> taken_;
};

}  // namespace

Run findCopies(imap::Session& session, Store store, const Run& run) {
  return CopySearch(session, store, run).run();
}

}  // namespace emlfs::sync
