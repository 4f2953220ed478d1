#include "sync/append_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "emlfs/base/error.h"
#include "sync/finishing.h"
#include "sync/sent.h"
#include "sync/spooled.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();

class Search {
 public:
  Search(imap::Session& session, Store store, const Run& run,
         const std::function<int(const Change&)>& file)
      : session_(session), store_(store), left_(run), file_(file), wire_(run.front().mailbox) {}

  Found run() {
    takeKnown();
    if (left_.empty()) return std::move(found_);
    Finishing finishing(store_.pending->unanswered(left_));
    look();
    while (!left_.empty() && finishing.more(session_)) look();
    return std::move(found_);
  }

 private:
  // Their answer came, and only the journal had not heard of it.
  void takeKnown() {
    const auto snapshot = store_.cache.snapshot();
    const auto mailbox = mailboxByWire(*snapshot, wire_);
    if (!mailbox) return;
    found_.uid_validity = mailbox->state.uid_validity;
    std::erase_if(left_, [&](const Change& change) {
      const auto message = snapshot->message(change.id);
      if (!message || message->uid == 0 || message->mailbox != mailbox->id) return false;
      found_.uids[change.number] = message->uid;
      return true;
    });
  }

  void look() {
    found_.unreadable.clear();
    try {
      const auto now = session_.examine(wire_);
      found_.uid_validity = now.uid_validity;
      for (const auto& meta : candidates(firstUid(now.uid_validity)))
        if (!isAnothers(meta.uid, now.uid_validity)) take(meta);
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox || error.code != Code::not_found) throw;
      left_.clear();  // the mailbox is gone: sending it again will tell
    }
  }

  // UIDs below what was noted were there before, unless the mailbox was replaced meanwhile.
  Uid firstUid(UidValidity validity) const {
    Uid first = kLastUid;
    for (const Change& change : left_) {
      const auto& noted = change.destination;
      first =
          std::min(first, noted.uid_validity == validity ? std::max<Uid>(noted.uid_next, 1) : 1);
    }
    return first;
  }

  // In the order of their UIDs.
  std::vector<MessageMeta> candidates(Uid first) {
    std::vector<MessageMeta> found;
    UidSet seen;
    try {
      session_.fetchMetadata(first, kLastUid, [&](MessageMeta&& meta) {
        seen.add(meta.uid);
        if (meta.uid >= first && isCandidate(meta)) found.push_back(std::move(meta));
      });
    } catch (const Error& error) {
      const bool said_so = !error.server.empty();  // BAD, and not an answer that can't be read
      if (error.code != Code::protocol || error.scope != Scope::mailbox || said_so) throw;
      const UidSet present = session_.searchUids(first, kLastUid);
      for (const auto& range : present.ranges()) {
        for (uint64_t uid = std::max(range.first, first); uid <= range.last; ++uid) {
          if (seen.contains(static_cast<Uid>(uid))) continue;
          found.emplace_back().uid = static_cast<Uid>(uid);
        }
      }
    }
    std::ranges::sort(found, {}, &MessageMeta::uid);
    return found;
  }

  bool isCandidate(const MessageMeta& meta) const {
    return std::any_of(left_.begin(), left_.end(),
                       [&](const Change& change) { return mayBe(change, meta); });
  }

  // A server may say another size than it has, or none.
  static bool mayBe(const Change& change, const MessageMeta& meta) {
    return meta.size == 0 || meta.size == change.size ||
           (!change.source.message_id.empty() &&
            meta.header.message_id == change.source.message_id);
  }

  // A message of the same bytes that has been told already.
  bool isAnothers(Uid uid, UidValidity validity) const {
    if (used_.count(uid) != 0) return true;
    const auto snapshot = store_.cache.snapshot();
    const auto mailbox = mailboxByWire(*snapshot, wire_);
    return mailbox && mailbox->state.uid_validity == validity &&
           snapshot->byUid(mailbox->id, uid).has_value();
  }

  void take(const MessageMeta& meta) {
    const auto at = std::find_if(left_.begin(), left_.end(), [&](const Change& change) {
      return mayBe(change, meta) && isSame(change, meta.uid);
    });
    if (at == left_.end()) return;
    found_.uids[at->number] = meta.uid;
    found_.unreadable.erase(at->number);
    used_.insert(meta.uid);
    left_.erase(at);
  }

  // One that can't be read says nothing of the others.
  bool isSame(const Change& change, Uid uid) {
    try {
      return sameOnServer(session_, uid, file_(change), change.size);
    } catch (const Error& error) {
      if (error.scope != Scope::message) throw;
      const Error why(error.code, Scope::message,
                      fmt::format("it may be there already, as UID {}: {}", uid, error.what()));
      found_.unreadable.insert_or_assign(change.number, why);
      return false;
    }
  }

  imap::Session& session_;
  const Store store_;
  Run left_;
  const std::function<int(const Change&)>& file_;
  const std::string wire_;
  Found found_;
  std::set<Uid> used_;
};

}  // namespace

Found findAppended(imap::Session& session, Store store, const Run& run,
                   const std::function<int(const Change&)>& file) {
  return Search(session, store, run, file).run();
}

}  // namespace emlfs::sync
