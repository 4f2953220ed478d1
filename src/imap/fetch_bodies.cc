// EXAMINE and UID FETCH of many whole bodies (RFC 9051 section 6.4.5) in one round trip.
#include <iterator>
#include <utility>

#include "emlfs/base/log.h"
#include "imap/batches.h"
#include "imap/commands.h"

namespace emlfs::imap {
namespace {

using Each = std::function<void(size_t, Uid, std::string&&)>;

constexpr std::string_view kWhole = "(UID BODY.PEEK[])";

// Of literals, as long as it lives.
class OnlyUpTo {
 public:
  // A little more than announced is passed over.
  OnlyUpTo(Connection& connection, uint64_t most) : connection_(connection) {
    connection.setWindow({0, most, 4 * most});
  }
  ~OnlyUpTo() { connection_.setWindow({}); }
  OnlyUpTo(const OnlyUpTo&) = delete;
  OnlyUpTo& operator=(const OnlyUpTo&) = delete;

 private:
  Connection& connection_;
};

// A command: the EXAMINE of a mailbox, or the FETCH of some of what is wanted in it.
struct Step {
  size_t mailbox = 0;
  UidSet uids;  // empty: EXAMINE
};

// Of a server that tells no UIDVALIDITY that is believed.
bool isOpen(const Connection& connection, const WantedBodies& mailbox) {
  const auto& selected = connection.selected;
  return selected.wire == mailbox.wire &&
         (selected.uid_validity == 0 || selected.uid_validity == mailbox.uid_validity);
}

std::vector<Step> plan(const Connection& connection, const std::vector<WantedBodies>& wanted) {
  std::vector<Step> steps;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (i > 0 || !isOpen(connection, wanted[i])) steps.push_back({i, {}});
    eachBatch(wanted[i].uids, octetsBeside(""),
              [&](const UidSet& part) { steps.push_back({i, part}); });
  }
  return steps;
}

std::vector<Foretold> foretell(const Connection& connection, const WantedBodies& mailbox,
                               const Step& step) {
  if (step.uids.empty()) return nextExamine(connection, mailbox.wire);
  return foretell(Command("UID FETCH").syntax(step.uids.text()).syntax(kWhole), step.uids.size());
}

// `wanted`: of this mailbox. A server may answer the next FETCH before it says that it has done
// one.
void fetch(Connection& connection, const Step& step, const UidSet& wanted, uint64_t most,
           const std::vector<Foretold>& behind, UidSet& given, const Each& each) {
  Command command("UID FETCH");
  command.syntax(step.uids.text()).syntax(kWhole);
  const StatusLine status = connection.run(
      command,
      [&](Data&& data) {
        auto* fetch = std::get_if<FetchData>(&data);
        if (fetch == nullptr || !fetch->body) return;
        Body& body = *fetch->body;
        const bool whole = !body.nil && !body.origin && body.length == body.bytes.size();
        if (!whole || body.length == 0 || body.length > most || !wanted.contains(fetch->uid) ||
            given.contains(fetch->uid)) {
          connection.waste();
          return;
        }
        given.add(fetch->uid);
        each(step.mailbox, fetch->uid, std::move(body.bytes));
      },
      step.uids.size(), behind);
  // NO: not all of them could be given (RFC 2180 section 4.1.2).
  if (status.status != Status::no) check(status, "can't read messages");
}

}  // namespace

void fetchBodies(Connection& connection, const std::vector<WantedBodies>& wanted, uint64_t most,
                 const Each& each) {
  const OnlyUpTo window(connection, most);
  const std::vector<Step> steps = plan(connection, wanted);
  size_t sent = 0;
  const auto behind = [&](size_t at) {
    std::vector<Foretold> commands;
    if (at < sent) return commands;
    for (sent = at + 1; sent < steps.size(); ++sent) {
      auto next = foretell(connection, wanted[steps[sent].mailbox], steps[sent]);
      if (next.empty()) break;
      std::ranges::move(next, std::back_inserter(commands));
    }
    return commands;
  };
  UidSet given;
  for (size_t at = 0; at < steps.size(); ++at) {
    const Step& step = steps[at];
    const WantedBodies& mailbox = wanted[step.mailbox];
    try {
      if (step.uids.empty()) {
        given = {};
        examineBefore(connection, mailbox.wire, behind(at));
      } else if (isOpen(connection, mailbox)) {
        fetch(connection, step, mailbox.uids, most, behind(at), given, each);
      }
    } catch (const Error& error) {
      if (error.scope == Scope::connection || error.scope == Scope::account) throw;
      log::info("imap: left out: {}", error.what());
    }
  }
}

}  // namespace emlfs::imap
