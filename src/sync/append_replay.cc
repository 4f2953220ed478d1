#include "sync/append_replay.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "emlfs/base/clock.h"
#include "emlfs/base/log.h"
#include "sync/append_search.h"
#include "sync/destination.h"
#include "sync/receiving.h"
#include "sync/sent.h"
#include "sync/spooled.h"

namespace emlfs::sync {
namespace {

using store::Change;

constexpr Uid kLastUid = std::numeric_limits<Uid>::max();

// What one command takes along, where the server takes several messages: little enough to be sent
// again after a cut.
constexpr size_t kMostTogether = 64;
constexpr uint64_t kMostBytesTogether = 4 << 20;

bool breaksConnection(const Error& error) {
  return error.scope == Scope::connection || error.scope == Scope::account;
}

bool neverAllowed(const Error& error) {
  return error.code == Code::denied || error.code == Code::invalid || error.code == Code::protocol;
}

// Keeps drafts from being taken back while they are sent.
class Claim {
 public:
  Claim(Pending& pending, Run run)
      : pending_(pending), run_(std::move(run)), held_(pending_.claim(run_)) {}
  ~Claim() {
    if (held_) pending_.release(run_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  bool held() const { return held_; }

 private:
  Pending& pending_;
  const Run run_;
  const bool held_;
};

class AppendReplay {
 public:
  AppendReplay(imap::Session& session, Store store, const OnChange& on_change,
               const Refused& refused)
      : session_(session),
        store_(store),
        pending_(*store.pending),
        on_change_(on_change),
        refused_(refused) {}

  void run(Run run) {
    while (!run.empty()) {
      const auto end = run.begin() + static_cast<ptrdiff_t>(together(run));
      send(Run(run.begin(), end));
      run.erase(run.begin(), end);
    }
  }

 private:
  // Those without their bytes can't be sent.
  void open(Run& part) {
    files_.clear();
    std::erase_if(part, [&](const Change& change) {
      try {
        files_[change.number] = openSpooled(*store_.spool, change);
        return false;
      } catch (const Error& error) {
        refused_({change}, error);
        return true;
      }
    });
  }

  // Of those whose answer was lost, the ones that have arrived.
  void settleFound(Run& part) {
    Run doubtful;
    for (const Change& change : part)
      if (change.state == Change::State::begun || change.recovered) doubtful.push_back(change);
    if (doubtful.empty()) return;
    Found found;
    try {
      found = findAppended(session_, store_, doubtful,
                           [&](const Change& change) { return files_.at(change.number).get(); });
    } catch (const Error& error) {
      if (breaksConnection(error)) throw;
      const bool begun = std::ranges::any_of(
          doubtful, [](const Change& change) { return change.state == Change::State::begun; });
      // What is parked is shown as another's message once it is listed, and a retry would not take
      // it for ours. Where nobody can ever look, nobody lists it either.
      if (begun && !neverAllowed(error))
        throw Error(Code::busy, Scope::connection, error.what(), error.server);
      refused_(part, error);
      part.clear();
      return;
    }
    std::erase_if(part, [&](const Change& change) {
      const auto at = found.unreadable.find(change.number);
      if (at == found.unreadable.end()) return false;
      refused_({change}, at->second);
      return true;
    });
    Run arrived_ones;
    std::vector<Uid> uids;
    for (const Change& change : doubtful) {
      const auto at = found.uids.find(change.number);
      if (at == found.uids.end()) continue;
      arrived_ones.push_back(change);
      uids.push_back(at->second);
    }
    if (arrived_ones.empty()) return;
    arrived(arrived_ones, found.uid_validity, uids);
    std::erase_if(part, [&](const Change& change) { return found.uids.count(change.number) != 0; });
  }

  // How many of the first ones one command can take.
  size_t together(const Run& run) {
    if (!session_.capabilities().has("MULTIAPPEND")) return 1;
    size_t count = 0;
    for (uint64_t bytes = 0; count < std::min(run.size(), kMostTogether); ++count) {
      bytes += run[count].size;
      if (count > 0 && bytes > kMostBytesTogether) break;
    }
    return count;
  }

  void send(Run part) {
    const Claim claim(pending_, part);
    if (!claim.held()) {
      // A person is changing one of them; the others can go.
      if (part.size() > 1)
        for (const Change& change : part) send({change});
      return;
    }
    open(part);
    settleFound(part);
    std::erase_if(part, [&](const Change& change) { return isThereAlready(change); });
    if (!part.empty()) append(part);
  }

  void append(const Run& part) {
    const std::string& to = part.front().mailbox;
    std::optional<imap::AppendedUids> told;
    std::optional<Error> refusal;
    Change::Destination before;
    try {
      leave(to);
      before = noted_ ? *noted_ : destinationOf(session_, to);
      leave(to);
      const Receiving receiving(pending_, part, before);
      told = command(part);
    } catch (const Error& error) {
      if (breaksConnection(error)) throw;
      refusal = error;
    }
    if (refusal) {
      refuse(part, *refusal);
      return;
    }
    noted_.reset();
    if (told && told->uids.size() == part.size()) {
      const Uid last = *std::max_element(told->uids.begin(), told->uids.end());
      if (last != kLastUid) noted_ = {told->uid_validity, last + 1, 0};
      arrived(part, told->uid_validity, told->uids);
    } else {
      arrived(part, before.uid_validity, std::vector<Uid>(part.size(), 0));
    }
  }

  std::optional<imap::AppendedUids> command(const Run& part) {
    std::vector<imap::NewMessage> messages;
    std::optional<Clock::time_point> all_given;
    for (const Change& change : part) {
      const bool is_last = change.number == part.back().number;
      const int fd = files_.at(change.number).get();
      imap::NewMessage message;
      message.flags = change.add;
      message.date = change.date;
      message.size = change.size;
      message.read = [fd, is_last, size = change.size, &all_given](uint64_t offset,
                                                                   std::span<char> into) {
        const uint64_t wanted = std::min<uint64_t>(into.size(), size - offset);
        const size_t got = store::readAt(fd, into.first(wanted), offset);
        if (got == 0)
          throw Error(Code::damaged, Scope::message, "a new message has become shorter");
        if (is_last && offset + got == size) all_given = Clock::now();
        return got;
      };
      messages.push_back(std::move(message));
    }
    try {
      return session_.append(part.front().mailbox, messages);
    } catch (const Error& error) {
      if (!breaksConnection(error)) throw;
      if (all_given)
        pending_.unanswered(part, Clock::now() - *all_given);
      else
        pending_.reset(part);  // the server has not got all of it, so it has taken none of it
      throw;
    }
  }

  void refuse(const Run& part, const Error& error) {
    pending_.reset(part);
    // It may work later: with back-off, as when the server is away.
    if (error.code == Code::busy)
      throw Error(Code::busy, Scope::connection, error.what(), error.server);
    const bool concerns_all = error.code == Code::not_found || error.code == Code::denied;
    if (part.size() > 1 && !concerns_all) {
      // All or nothing: which of them it was shows one by one.
      for (const Change& change : part) append({as(Change::State::pending, change)});
      return;
    }
    refused_(part, error);
  }

  static Change as(Change::State state, Change change) {
    change.state = state;
    return change;
  }

  // Courier adds nothing to a mailbox that it has open for reading only.
  void leave(const std::string& wire) {
    if (session_.selected() == wire && !session_.selectedForWriting()) session_.unselect();
  }

  // A message that replaces one of the same bytes and flags takes over what that one is on the
  // server.
  bool isThereAlready(const Change& change) {
    const Run olds = pending_.replacedBy(change);
    if (olds.empty()) return false;
    const Change* const old = &olds.front();
    if (old->state != Change::State::pending || old->source.size != change.size ||
        old->source.uid == 0 || old->source.mailbox != change.mailbox)
      return false;
    if (!isAsItWas(*old, change)) return false;
    cacheBodies(store_.cache, {{change, files_.at(change.number).get()}});
    takeOver(store_, change.id, old->id, on_change_);
    store::MessageRef place = old->source;
    place.message_id = change.source.message_id;
    const Bound bound{change.number, std::move(place)};
    pending_.done({&bound, 1}, {*old});
    store_.spool->remove(change.spool);
    return true;
  }

  bool isAsItWas(const Change& old, const Change& change) {
    const int fd = files_.at(change.number).get();
    const auto& source = old.source;
    try {
      const auto now = session_.examine(source.mailbox);
      if (now.uid_validity != source.uid_validity) return false;
      if (session_.searchUids(source.uid, source.uid).empty()) return false;
      std::optional<Flags> flags;
      session_.fetchFlags(source.uid, source.uid, 0, [&](FlagChange&& told) {
        if (told.uid == source.uid) flags = std::move(told.flags);
      });
      // One that another client has deleted may be gone in a moment.
      if (flags != change.add || flags->has("\\Deleted")) return false;
      return sameInCache(*store_.cache.snapshot(), old.id, fd, change.size) ||
             sameOnServer(session_, source.uid, fd, change.size);
    } catch (const Error& error) {
      if (breaksConnection(error)) throw;
      log::debug("a message that is to be replaced can't be compared: {}", error.what());
      return false;
    }
  }

  // The view first, then the journal: a crash in between is found out as a lost answer is. The
  // spool last, which nobody needs then.
  void arrived(const Run& run, UidValidity validity, const std::vector<Uid>& uids) {
    std::vector<std::pair<Change, int>> files;
    std::map<MessageId, Uid> places;
    for (size_t i = 0; i < run.size(); ++i) {
      files.emplace_back(run[i], files_.at(run[i].number).get());
      places[run[i].id] = uids[i];
    }
    cacheBodies(store_.cache, files);
    places = settle(store_, run.front().mailbox, validity, places, on_change_);
    std::vector<Bound> bound;
    for (const Change& change : run) {
      store::MessageRef place{change.mailbox, validity, places.at(change.id),
                              change.source.message_id, change.size};
      bound.push_back({change.number, std::move(place)});
    }
    pending_.done(bound);
    for (const Change& change : run) store_.spool->remove(change.spool);
  }

  imap::Session& session_;
  const Store store_;
  Pending& pending_;
  const OnChange& on_change_;
  std::map<uint64_t, Fd> files_;  // by the number of the change
  std::optional<Change::Destination> noted_;
  const Refused& refused_;
};

}  // namespace

void appendMessages(imap::Session& session, Store store, const Run& run, const OnChange& on_change,
                    const Refused& refused) {
  AppendReplay(session, store, on_change, refused).run(run);
}

}  // namespace emlfs::sync
