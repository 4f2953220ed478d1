#include "sync/listing.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "sync/apply.h"

namespace emlfs::sync {
namespace {

// Messages wanted in one step. Fewer cost round trips, more keep the first reader waiting.
constexpr uint64_t kStep = 2'000;
constexpr size_t kStepBytes = 4 << 20;
constexpr Uid kLastUid = std::numeric_limits<Uid>::max();

// UIDs to ask for at once: they may be far apart, and only the answer shows how far.
class Span {
 public:
  Span(const imap::Selected& now, const SyncState& known) {
    const uint64_t uids = now.uid_next > known.listed_to ? now.uid_next - known.listed_to : 1;
    const uint64_t messages =
        std::max<uint64_t>(now.messages > known.messages ? now.messages - known.messages : 1, 1);
    span_ = std::max<uint64_t>(kStep, kStep * uids / messages);
  }
  Uid lastOf(Uid first, Uid limit) const {
    return static_cast<Uid>(std::min<uint64_t>(uint64_t{first} + span_ - 1, limit));
  }
  void learn(uint64_t got) {
    if (got < kStep / 2) span_ = std::min<uint64_t>(span_ * 4, kLastUid);
    if (got > kStep * 2) span_ = std::max<uint64_t>(span_ / 2, 1);
  }

 private:
  uint64_t span_;
};

// The last UID there may be. Some servers don't tell UIDNEXT (servers.md: Zoho); then SEARCH does.
Uid lastUid(imap::Session& session, const imap::Selected& now, const SyncState& known) {
  if (now.uid_next != 0) return std::max(now.uid_next - 1, known.listed_to);
  if (known.listed_to == kLastUid) return kLastUid;
  const UidSet uids = session.searchUids(known.listed_to + 1, kLastUid);
  return uids.empty() ? known.listed_to : uids.ranges().back().last;
}

// Metadata of first:last, added as it comes and committed before it grows large.
class Step {
 public:
  // Of messages up to `limit`: what has come since the server told that is for the next time.
  // `early`: of this step, what has come with the one before.
  Step(const SyncState& known, Uid limit, UidSet early, Store store, MailboxId mailbox,
       const OnChange& on_change)
      : limit_(limit),
        store_(store),
        mailbox_(mailbox),
        on_change_(on_change),
        seen_(std::move(early)) {
    delta_.state = known;
  }

  void add(MessageMeta&& meta) {
    if (meta.uid > limit_) return;
    seen_.add(meta.uid);
    bytes_ += sizeof meta + meta.header.from.size() + meta.header.sender.size() +
              meta.header.subject.size() + meta.header.message_id.size() + meta.flags.text().size();
    delta_.added.push_back(std::move(meta));
    if (delta_.added.size() < kStep && bytes_ < kStepBytes) return;
    apply(store_, mailbox_, delta_, on_change_);  // the step itself is not done yet
    delta_.added.clear();
    bytes_ = 0;
  }

  SyncState done(Uid last) {
    delta_.state.listed_to = std::min(last, limit_);
    return apply(store_, mailbox_, delta_, on_change_);
  }

  const UidSet& seen() const { return seen_; }
  UidSet seenWithin(UidRange uids) const {
    UidSet within;
    for (const UidRange& range : seen_.ranges())
      if (range.first <= uids.last && range.last >= uids.first)
        within.add({std::max(range.first, uids.first), std::min(range.last, uids.last)});
    return within;
  }

 private:
  const Uid limit_;
  Store store_;
  MailboxId mailbox_;
  const OnChange& on_change_;
  Delta delta_;
  UidSet seen_;
  size_t bytes_ = 0;
};

// One message that the server describes in a way that nobody can read must not hide the others. It
// is listed by its UID alone; its size shows when it is read.
void fetch(imap::Session& session, Uid first, Uid last, std::optional<UidRange> then, Step& step) {
  try {
    session.fetchMetadata(
        first, last, [&](MessageMeta&& meta) { step.add(std::move(meta)); }, then);
  } catch (const Error& error) {
    const bool said_so = !error.server.empty();  // BAD, and not an answer that can't be read
    if (error.code != Code::protocol || error.scope != Scope::mailbox || said_so) throw;
    log::warning("{}", error.what());
    const UidSet present = session.searchUids(first, last);
    const UidSet seen = step.seen();
    for (const auto& range : present.ranges()) {
      for (uint64_t uid = range.first; uid <= range.last; ++uid) {
        if (seen.contains(static_cast<Uid>(uid))) continue;
        MessageMeta unknown;
        unknown.uid = static_cast<Uid>(uid);
        step.add(std::move(unknown));
      }
    }
  }
}

}  // namespace

UidRange firstStep(const SyncState& known) {
  const uint64_t last = uint64_t{known.listed_to} + kStep;
  return {known.listed_to + 1, static_cast<Uid>(std::min<uint64_t>(last, kLastUid))};
}

SyncState listNew(imap::Session& session, const imap::Selected& now, SyncState known, Store store,
                  MailboxId mailbox, const OnChange& on_change, std::optional<UidRange> foretold) {
  const Uid limit = lastUid(session, now, known);
  Span span(now, known);
  bool blind = foretold.has_value();  // it was not known how many there are
  UidSet early;
  while (known.listed_to < limit) {
    const Uid first = known.listed_to + 1;
    const bool on_its_way = foretold && foretold->first == first;
    const Uid last = on_its_way ? foretold->last : span.lastOf(first, limit);
    foretold.reset();
    if (last < limit) foretold = UidRange{last + 1, span.lastOf(last + 1, limit)};
    Step step(known, limit, std::move(early), store, mailbox, on_change);
    fetch(session, first, last, foretold, step);
    known = step.done(last);
    if (!std::exchange(blind, false)) span.learn(step.seenWithin({first, last}).size());
    early = foretold ? step.seenWithin(*foretold) : UidSet();
  }
  const Uid uid_next = limit == kLastUid ? kLastUid : limit + 1;
  if (known.complete && known.uid_next == uid_next) return known;
  Delta end;
  end.state = known;
  end.state.uid_next = uid_next;
  end.state.complete = true;
  return apply(store, mailbox, end, on_change);
}

}  // namespace emlfs::sync
