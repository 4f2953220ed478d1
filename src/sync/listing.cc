#include "sync/listing.h"

#include <algorithm>
#include <limits>

#include "sync/apply.h"

namespace emlfs::sync {
namespace {

// Messages wanted in one step. Fewer cost round trips, more keep the first reader waiting.
constexpr uint64_t kStep = 2'000;

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
    if (got < kStep / 2) span_ = std::min<uint64_t>(span_ * 4, std::numeric_limits<Uid>::max());
    if (got > kStep * 2) span_ = std::max<uint64_t>(span_ / 2, 1);
  }

 private:
  uint64_t span_;
};

// One above the last UID. Some servers don't tell UIDNEXT (servers.md: Zoho); then SEARCH does.
Uid upperBound(imap::Session& session, const imap::Selected& now, const SyncState& known) {
  if (now.uid_next != 0) return now.uid_next;
  if (known.listed_to == std::numeric_limits<Uid>::max()) return known.listed_to;
  const UidSet uids = session.searchUids(known.listed_to + 1, std::numeric_limits<Uid>::max());
  return uids.empty() ? known.listed_to + 1 : uids.ranges().back().last + 1;
}

}  // namespace

SyncState listNew(imap::Session& session, const imap::Selected& now, SyncState known, Store store,
                  MailboxId mailbox, const OnChange& on_change) {
  const Uid uid_next = upperBound(session, now, known);
  Span span(now, known);
  while (uint64_t{known.listed_to} + 1 < uid_next) {
    const Uid first = known.listed_to + 1;
    const Uid last = span.lastOf(first, uid_next - 1);
    Delta delta;
    delta.state = known;
    uint64_t got = 0;
    session.fetchMetadata(first, last, [&](MessageMeta&& meta) {
      delta.added.push_back(std::move(meta));
      // A dense stretch: keep memory and transactions bounded. The step itself is not done yet.
      if (++got % kStep == 0) {
        apply(store, mailbox, delta, on_change);
        delta.added.clear();
      }
    });
    delta.state.listed_to = last;
    known = apply(store, mailbox, delta, on_change);
    span.learn(got);
  }
  if (known.complete && known.uid_next == uid_next) return known;
  Delta end;
  end.state = known;
  end.state.uid_next = uid_next;
  end.state.complete = true;
  return apply(store, mailbox, end, on_change);
}

}  // namespace emlfs::sync
