#include "emlfs/sync/replay.h"

#include <limits>
#include <map>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/fail_point.h"
#include "sync/append_replay.h"
#include "sync/destination.h"
#include "sync/mailbox_replay.h"
#include "sync/outcome.h"
#include "sync/receiving.h"
#include "sync/sent.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();
// One command whatever their UIDs: of several one could be refused after another was done.
constexpr size_t kMostCopied = 500;

bool breaksConnection(const Error& error) {
  return error.scope == Scope::connection || error.scope == Scope::account;
}

std::vector<Bound> samePlaces(const Run& run) {
  std::vector<Bound> bound;
  for (const Change& change : run) bound.push_back({change.number, change.source});
  return bound;
}

class Replay {
 public:
  Replay(imap::Session& session, Store store, const OnChange& on_change)
      : session_(session),
        store_(store),
        pending_(*store.pending),
        on_change_(on_change),
        outcome_(session, store, on_change) {}

  std::set<MailboxId> run() {
    for (;;) {
      Run run = pending_.next();
      if (run.empty() && outcome_.adoptOrphans()) run = pending_.next();
      if (run.empty()) break;
      try {
        send(run);
      } catch (const Error& error) {
        if (breaksConnection(error)) throw;
        outcome_.failed(run, error);
      }
    }
    return outcome_.changed();
  }

 private:
  void send(const Run& run) {
    switch (run.front().kind) {
      case Change::Kind::move:
        if (outcome_.select(run)) move(run);
        return;
      case Change::Kind::flags:
        if (outcome_.select(run)) flags(run);
        return;
      case Change::Kind::expunge:
        if (outcome_.select(run)) expunge(run);
        return;
      case Change::Kind::append:
        append(run);
        return;
      case Change::Kind::create_mailbox:
      case Change::Kind::rename_mailbox:
      case Change::Kind::remove_mailbox:
        sendMailboxChange(session_, store_, run.front(), on_change_);
        outcome_.note(MailboxId{run.front().id.value});
        return;
      default:
        throw Error(Code::invalid, Scope::mailbox, "a change that this version can't send");
    }
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
    if ((left || !session_.selectedForWriting()) && !outcome_.select(run)) return std::nullopt;
    return destination;
  }

  bool canExpunge() const {
    return session_.capabilities().has("UIDPLUS") || session_.capabilities().has("IMAP4REV2");
  }

  void move(Run run) {
    outcome_.note(run.front().source.mailbox);
    outcome_.note(run.front().mailbox);
    const bool in_one_step =
        session_.capabilities().has("MOVE") || session_.capabilities().has("IMAP4REV2");
    if (isLookedFor(run.front()))
      outcome_.settleBegun(std::move(run), in_one_step);
    else if (run.front().state == Change::State::copied)
      finishCopied(run);
    else if (in_one_step)
      moveInOneStep(std::move(run));
    else
      copy(std::move(run));
  }

  void moveInOneStep(Run run) {
    const auto destination = moveDestination(run);
    if (!destination) return;
    const Receiving receiving(pending_, run, *destination);
    std::optional<imap::CopiedUids> told;
    std::optional<Error> error;
    const auto sent = Clock::now();
    try {
      told = session_.move(uidsOf(run), run.front().mailbox);
      if (told && told->uids.size() == run.size()) {
        outcome_.arrived(run, told);
        return;
      }
    } catch (const Error& refusal) {
      if (breaksConnection(refusal)) {
        pending_.unanswered(run, Clock::now() - sent);
        throw;
      }
      error = refusal;  // of a part, perhaps: MOVE is not all or nothing (RFC 6851 section 3.3)
      if (error->code == Code::stale) session_.noop();  // or it wouldn't hear what is gone
    }
    const Run staying = outcome_.takeStaying(run);
    const bool again = error && error->code == Code::stale && !run.empty();
    if (!staying.empty() && !again) {
      pending_.reset(staying);
      outcome_.refused(staying, error.value_or(Error(Code::refused, Scope::mailbox,
                                                     "the server said OK and did nothing")));
    }
    outcome_.arrived(run, told);
  }

  // Without MOVE. Each step is in the journal before the next; next() gives them again.
  void copy(Run run) {
    if (run.size() > kMostCopied) run.resize(kMostCopied);
    auto destination = askDestination(run);
    if (!destination) return;
    const Receiving receiving(pending_, run, *destination);
    std::optional<imap::CopiedUids> told;
    const auto sent = Clock::now();
    try {
      told = session_.copy(uidsOf(run), run.front().mailbox);
    } catch (const Error& error) {
      if (breaksConnection(error)) pending_.unanswered(run, Clock::now() - sent);
      const bool said_so = !breaksConnection(error) && !error.server.empty();
      // It is all or nothing. Where some are gone, what a server makes of that is looked for.
      if (said_so && error.code != Code::stale) pending_.reset(run);
      throw;
    }
    if (told) destination->uid_validity = told->uid_validity;
    std::map<Uid, Uid> uids;
    if (told) uids.insert(told->uids.begin(), told->uids.end());
    for (Change& change : run) {
      change.destination = *destination;
      const auto at = uids.find(change.source.uid);
      if (at != uids.end()) change.destination.uid = at->second;
    }
    pending_.copied(run);
  }

  void finishCopied(const Run& run) {
    const UidSet uids = uidsOf(run);
    session_.store(uids, imap::Session::Change::add, Flags({"\\Deleted"}));
    failPoint("replay: copied and flagged");
    // Without UIDPLUS they stay, flagged: a bare EXPUNGE would take others' deletions along.
    if (canExpunge()) session_.expunge(uids);
    imap::CopiedUids told;
    told.uid_validity = run.front().destination.uid_validity;
    for (const Change& change : run)
      if (change.destination.uid != 0 && change.destination.uid_validity == told.uid_validity)
        told.uids.emplace_back(change.source.uid, change.destination.uid);
    outcome_.arrived(run, told);
  }

  void flags(const Run& run) {
    const Change& all = run.front();
    const UidSet uids = uidsOf(run);
    if (!all.add.names().empty()) session_.store(uids, imap::Session::Change::add, all.add);
    if (!all.remove.names().empty())
      session_.store(uids, imap::Session::Change::remove, all.remove);
    failPoint("replay: flags sent");
    outcome_.note(all.source.mailbox);
    settleFlags(store_, run);
    pending_.done(samePlaces(run));
  }

  void expunge(const Run& run) {
    const UidSet uids = uidsOf(run);
    session_.store(uids, imap::Session::Change::add, Flags({"\\Deleted"}));
    if (canExpunge()) {
      session_.expunge(uids);
      failPoint("replay: expunged");
      pending_.left(run);
      settleExpunged(store_, run);
    }
    outcome_.note(run.front().source.mailbox);
    pending_.done(samePlaces(run));
  }

  void append(const Run& run) {
    outcome_.note(run.front().mailbox);
    appendMessages(session_, store_, run, on_change_,
                   [this](const Run& part, const Error& error) { outcome_.refused(part, error); });
  }

  imap::Session& session_;
  const Store store_;
  Pending& pending_;
  const OnChange& on_change_;
  Outcome outcome_;
};

}  // namespace

std::set<MailboxId> replay(imap::Session& session, Store store, const OnChange& on_change) {
  return Replay(session, store, on_change).run();
}

}  // namespace emlfs::sync
