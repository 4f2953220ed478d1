#include "emlfs/sync/replay.h"

#include <algorithm>
#include <limits>
#include <map>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "emlfs/base/log.h"
#include "emlfs/base/take_if.h"
#include "emlfs/sync/rights.h"
#include "sync/append_replay.h"
#include "sync/copy_search.h"
#include "sync/destination.h"
#include "sync/mailbox_replay.h"
#include "sync/overlay.h"
#include "sync/receiving.h"
#include "sync/sent.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();
// One command whatever their UIDs: of several one could be refused after another was done.
constexpr size_t kMostCopied = 500;

UidSet uidsOf(const Run& run) {
  UidSet uids;
  for (const auto& change : run) uids.add(change.source.uid);
  return uids;
}

class Replay {
 public:
  Replay(imap::Session& session, Store store, const OnChange& on_change)
      : session_(session), store_(store), pending_(*store.pending), on_change_(on_change) {}

  std::set<MailboxId> run() {
    for (;;) {
      Run run = pending_.next();
      if (run.empty() && adoptOrphans()) run = pending_.next();
      if (run.empty()) break;
      try {
        send(run);
      } catch (const Error& error) {
        if (error.scope == Scope::connection || error.scope == Scope::account) throw;
        if (isLookedFor(run.front())) {
          throwIfDoubtful(error);
          run = notSettled(run);
        } else if (error.code == Code::stale && dropGone(run)) {
          continue;
        }
        if (!run.empty()) refused(run, error);
      }
    }
    // A crash may have come before the look that shows which UIDs they have.
    // It may be one that is being removed: that waits for them.
    std::set<std::string> awaited;
    for (const Change& change : pending_.changes())
      if (lacksUid(change)) awaited.insert(change.mailbox);
    for (const auto& wire : awaited) note(wire);
    const auto snapshot = store_.cache.snapshot();
    std::erase_if(changed_, [&](MailboxId id) {
      const auto record = snapshot->mailbox(id);
      return !record || !record->selectable || record->unborn ||
             (record->hidden && awaited.count(record->wire) == 0);
    });
    return changed_;
  }

 private:
  void send(Run& run) {
    switch (run.front().kind) {
      case Change::Kind::move:
        if (select(run)) move(run);
        return;
      case Change::Kind::flags:
        if (select(run)) flags(run);
        return;
      case Change::Kind::expunge:
        if (select(run)) expunge(run);
        return;
      case Change::Kind::append:
        append(run);
        return;
      case Change::Kind::create_mailbox:
      case Change::Kind::rename_mailbox:
      case Change::Kind::remove_mailbox:
        sendMailboxChange(session_, store_, run.front(), on_change_);
        changed_.insert(MailboxId{run.front().id.value});
        return;
      default:
        throw Error(Code::invalid, Scope::mailbox, "a change that this version can't send");
    }
  }

  // Changes whose message had got its place when they were acknowledged, and had not when they were
  // made; and those whose UID was seen just before a crash. False if there are none.
  bool adoptOrphans() {
    bool any = false;
    const auto orphans = pending_.orphans();
    const auto snapshot = store_.cache.snapshot();
    for (const MessageId id : orphans) {
      const auto message = snapshot->message(id);
      const auto mailbox = message ? snapshot->mailbox(message->mailbox) : std::nullopt;
      if (!mailbox || message->uid == 0) continue;
      const store::MessageRef place{mailbox->wire, mailbox->state.uid_validity, message->uid,
                                    message->message_id, message->size};
      pending_.found(id, place);
      pending_.adopt(id, place);
      any = true;
    }
    return any;
  }

  void note(const std::string& wire) {
    if (const auto record = mailboxByWire(*store_.cache.snapshot(), wire))
      changed_.insert(record->id);
  }

  // Sent before, and the answer was lost.
  static bool isLookedFor(const Change& change) {
    return change.kind == Change::Kind::move && change.state == Change::State::begun;
  }

  Run notSettled(const Run& run) const {
    Run left;
    for (Change& change : pending_.changes())
      if (isLookedFor(change) &&
          std::ranges::binary_search(run, change.number, {}, &Change::number))
        left.push_back(std::move(change));
    return left;
  }

  // What was sent may have been done. While the server doesn't tell it can't be shown as refused,
  // and sent again it could be there twice: it waits, with back-off, as when the server is away.
  static void throwIfDoubtful(const Error& error) {
    const bool is_final = error.code == Code::denied || error.code == Code::not_found ||
                          error.code == Code::invalid || error.code == Code::protocol;
    if (error.scope == Scope::mailbox && !is_final)
      throw Error(
          Code::busy, Scope::connection,
          std::string("what became of messages that were moved is not known: ") + error.what(),
          error.server);
  }

  // False if no message of the run can be there any more: the mailbox was replaced (RFC 9051
  // section 2.3.1.1), so its UIDs mean others.
  bool select(const Run& run) {
    const auto& source = run.front().source;
    const auto now = session_.select(source.mailbox);
    learn(source.mailbox, now);
    if (now.uid_validity != source.uid_validity) {
      log::warning("{}: {} changes are void, since its messages were replaced", source.mailbox,
                   run.size());
      for (const auto& change : run) pending_.vanished(change.id);
      note(source.mailbox);
      return false;
    }
    if (now.read_only)
      throw Error(Code::denied, Scope::mailbox, source.mailbox + " is read-only on the server");
    return true;
  }

  // What the server doesn't allow is refused at once from now on.
  void learn(const std::string& wire, const imap::Selected& now) {
    auto record = mailboxByWire(*store_.cache.snapshot(), wire);
    if (!record || !learnRights(*record, now)) return;
    const auto update = store_.cache.begin();
    record = update->mailbox(record->id);
    if (!record || !learnRights(*record, now)) return;
    update->putMailbox(*record);
    update->commit();
  }

  UidSet present(const Run& run) {
    const UidSet uids = uidsOf(run);
    return session_.searchUids(uids.ranges().front().first, uids.ranges().back().last);
  }

  // The server said that some of them are gone: another client was there first. False if all are
  // there. The others are sent again.
  bool dropGone(const Run& run) {
    if (run.front().source.uid == 0 || run.front().state == Change::State::copied) return false;
    if (session_.selected() != run.front().source.mailbox || !session_.selectedForWriting()) {
      if (!select(run)) return true;
    } else {
      session_.noop();  // or it wouldn't have heard of it
    }
    const UidSet here = present(run);
    bool any = false;
    for (const Change& change : run) {
      if (here.contains(change.source.uid)) continue;
      pending_.vanished(change.id);
      any = true;
    }
    if (any) note(run.front().source.mailbox);
    return any;
  }

  // The server is asked where the store can't tell: what was there before is not what we send.
  // Absent as in askDestination().
  std::optional<Change::Destination> moveDestination(const Run& run) {
    const std::string& to = run.front().mailbox;
    const auto record = mailboxByWire(*store_.cache.snapshot(), to);
    if (record && record->state.complete && record->state.listed_to != kLastUid)
      return Change::Destination{record->state.uid_validity, record->state.listed_to + 1, 0};
    return askDestination(run);
  }

  // Leaves the source selected; absent if that was replaced meanwhile.
  std::optional<Change::Destination> askDestination(const Run& run) {
    const auto destination = destinationOf(session_, run.front().mailbox);
    const bool left = session_.selected() != run.front().source.mailbox;
    if ((left || !session_.selectedForWriting()) && !select(run)) return std::nullopt;
    return destination;
  }

  void move(Run run) {
    const std::string from = run.front().source.mailbox;
    const std::string to = run.front().mailbox;
    note(from);
    note(to);
    const bool in_one_step =
        session_.capabilities().has("MOVE") || session_.capabilities().has("IMAP4REV2");
    if (run.front().state == Change::State::begun) {
      settleBegun(std::move(run), in_one_step);
      return;
    }
    if (!in_one_step || run.front().state == Change::State::copied) {
      copyAndDelete(run);
      return;
    }
    const auto destination = moveDestination(run);
    if (!destination) return;
    const Receiving receiving(pending_, run, *destination);
    std::optional<imap::CopiedUids> told;
    std::optional<Error> error;
    try {
      told = session_.move(uidsOf(run), to);
      if (told && told->uids.size() == run.size()) {
        arrived(run, told);
        return;
      }
    } catch (const Error& refusal) {
      if (refusal.scope == Scope::connection || refusal.scope == Scope::account) throw;
      error = refusal;  // of a part, perhaps: MOVE is not all or nothing (RFC 6851 section 3.3)
      if (error->code == Code::stale) session_.noop();  // or it wouldn't hear what is gone
    }
    // What is still here has not been moved.
    const UidSet here = presentAfterwards(run);
    const Run staying =
        takeIf(run, [&](const Change& change) { return here.contains(change.source.uid); });
    const bool again = error && error->code == Code::stale && !run.empty();
    if (!staying.empty() && !again)
      refused(staying, error.value_or(Error(Code::refused, Scope::mailbox,
                                            "the server said OK and did nothing")));
    arrived(run, told);
  }

  UidSet presentAfterwards(const Run& run) {
    try {
      return present(run);
    } catch (const Error& error) {
      throwIfDoubtful(error);
      throw;
    }
  }

  // What is no longer here after a MOVE has arrived there. A server that died on the way may have
  // copied what still is, as one without MOVE may have. The rest is sent as if it had never been:
  // next() gives all of them again.
  void settleBegun(Run run, bool in_one_step) {
    const auto settleGone = [&] {
      const UidSet here = present(run);
      arrived(takeIf(run, [&](const Change& change) { return !here.contains(change.source.uid); }),
              {});
      return !run.empty();
    };
    if (in_one_step && !settleGone()) return;
    const Copies copies = findCopies(session_, store_, run);
    for (const auto& [change, error] : copies.unreadable) refused({change}, error);
    if (!copies.found.empty()) {
      pending_.copied(copies.found);
      return;
    }
    run = notSettled(run);
    if (run.empty()) return;
    if (in_one_step && !(select(run) && settleGone())) return;
    pending_.reset(run);
  }

  // Without MOVE. Each step is in the journal before the next.
  void copyAndDelete(Run run) {
    if (run.front().state != Change::State::copied) {
      if (run.size() > kMostCopied) run.resize(kMostCopied);
      auto destination = askDestination(run);
      if (!destination) return;
      const Receiving receiving(pending_, run, *destination);
      const auto told = session_.copy(uidsOf(run), run.front().mailbox);
      if (told) destination->uid_validity = told->uid_validity;
      std::map<Uid, Uid> uids;
      if (told) uids.insert(told->uids.begin(), told->uids.end());
      for (Change& change : run) {
        change.destination = *destination;
        const auto at = uids.find(change.source.uid);
        if (at != uids.end()) change.destination.uid = at->second;
      }
      pending_.copied(run);
      return;  // next() gives them again
    }
    const UidSet uids = uidsOf(run);
    session_.store(uids, imap::Session::Change::add, Flags({"\\Deleted"}));
    failPoint("replay: copied and flagged");
    // Without UIDPLUS they stay, flagged: a bare EXPUNGE would take others' deletions along.
    if (session_.capabilities().has("UIDPLUS") || session_.capabilities().has("IMAP4REV2"))
      session_.expunge(uids);
    imap::CopiedUids told;
    told.uid_validity = run.front().destination.uid_validity;
    for (const Change& change : run)
      if (change.destination.uid != 0 && change.destination.uid_validity == told.uid_validity)
        told.uids.emplace_back(change.source.uid, change.destination.uid);
    arrived(run, told);
  }

  // They are in the destination now. First the view, then the journal: a crash in between is found
  // out as a lost answer is.
  void arrived(const Run& run, const std::optional<imap::CopiedUids>& told) {
    if (run.empty()) return;
    std::map<Uid, Uid> uids;
    if (told) uids.insert(told->uids.begin(), told->uids.end());
    std::map<MessageId, Uid> places;
    for (const Change& change : run) {
      const auto at = uids.find(change.source.uid);
      places[change.id] = at == uids.end() ? 0 : at->second;
    }
    failPoint("replay: arrived");
    pending_.left(run);
    places = settle(store_, run.front().mailbox, told ? told->uid_validity : 0, places, on_change_);
    failPoint("replay: settled");
    const auto there = mailboxByWire(*store_.cache.snapshot(), run.front().mailbox);
    std::vector<Bound> bound;
    for (const Change& change : run) {
      store::MessageRef place = change.source;
      place.mailbox = change.mailbox;
      place.uid_validity = there ? there->state.uid_validity : 0;  // its UIDs are of that
      place.uid = places.at(change.id);
      bound.push_back({change.number, std::move(place)});
    }
    pending_.done(bound);
  }

  std::vector<Bound> samePlaces(const Run& run) const {
    std::vector<Bound> bound;
    for (const Change& change : run) bound.push_back({change.number, change.source});
    return bound;
  }

  void flags(const Run& run) {
    const Change& all = run.front();
    const UidSet uids = uidsOf(run);
    if (!all.add.names().empty()) session_.store(uids, imap::Session::Change::add, all.add);
    if (!all.remove.names().empty())
      session_.store(uids, imap::Session::Change::remove, all.remove);
    failPoint("replay: flags sent");
    note(all.source.mailbox);
    settleFlags(store_, run);
    pending_.done(samePlaces(run));
  }

  void expunge(const Run& run) {
    const UidSet uids = uidsOf(run);
    session_.store(uids, imap::Session::Change::add, Flags({"\\Deleted"}));
    if (session_.capabilities().has("UIDPLUS") || session_.capabilities().has("IMAP4REV2")) {
      session_.expunge(uids);
      failPoint("replay: expunged");
      pending_.left(run);
      settleExpunged(store_, run);
    }
    note(run.front().source.mailbox);
    pending_.done(samePlaces(run));
  }

  void append(const Run& run) {
    note(run.front().mailbox);
    appendMessages(session_, store_, run, on_change_,
                   [this](const Run& part, const Error& error) { refused(part, error); });
  }

  void refused(const Run& run, const Error& error) {
    log::warning("{} changes were refused: {}", run.size(), error.what());
    if (error.code == Code::denied) askAgain(run.front());
    if (ofMailboxes(run.front())) {
      refuseMailboxChange(store_, run.front(), error, on_change_);
      return;
    }
    const Run parked = pending_.park(run, error);
    failPoint("replay: parked");
    putBack(store_, parked, on_change_);
  }

  // What was allowed when it was asked is no longer.
  void askAgain(const Change& change) {
    const auto update = store_.cache.begin();
    for (const auto* wire : {&change.source.mailbox, &change.mailbox}) {
      auto record = mailboxByWire(*update, *wire);
      if (!record || !record->rights_asked) continue;
      record->rights_asked = false;
      update->putMailbox(*record);
      changed_.insert(record->id);
    }
    update->commit();
  }

  imap::Session& session_;
  const Store store_;
  Pending& pending_;
  const OnChange& on_change_;
  std::set<MailboxId> changed_;
};

}  // namespace

std::set<MailboxId> replay(imap::Session& session, Store store, const OnChange& on_change) {
  return Replay(session, store, on_change).run();
}

}  // namespace emlfs::sync
