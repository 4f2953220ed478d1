// What became of changes that were sent: as the server has said, or as it is found out after a lost
// answer.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "emlfs/base/error.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// It was sent before, and the answer was lost: it may be done.
bool isLookedFor(const store::Change& change);

class Outcome {
 public:
  Outcome(imap::Session& session, Store store, const OnChange& on_change)
      : session_(session), store_(store), pending_(*store.pending), on_change_(on_change) {}

  // The mailboxes to be synchronised: those that were noted, and those that lack UIDs.
  std::set<MailboxId> changed();
  void note(const std::string& wire);
  void note(MailboxId mailbox) { changed_.insert(mailbox); }

  // False if no message of the run can be there any more: the mailbox was replaced (RFC 9051
  // section 2.3.1.1), so its UIDs mean others. Then they count as refused.
  bool select(const Run& run);
  // Changes whose message had got its place when they were acknowledged, and had not when they were
  // made; and those whose UID was seen just before a crash. Those of which nobody can know it any
  // more are void. False if there are none.
  bool adoptOrphans();

  // An error that leaves the connection as it is has ended the run.
  void failed(const Run& run, const Error& error);
  void refused(const Run& run, const Error& error);
  // They are in the destination now.
  void arrived(const Run& run, const std::optional<imap::CopiedUids>& told);
  // After a MOVE: those that are still in the source, out of the run.
  Run takeStaying(Run& run);
  // Of moves that are looked for.
  void settleBegun(Run run, bool in_one_step);

 private:
  void learn(const std::string& wire, const imap::Selected& now);
  UidSet present(const Run& run);
  Run notSettled(const Run& run) const;
  bool dropGone(const Run& run);
  void takeBack(const Run& run);
  Run copiesOf(const Run& run);
  void keepCopies(const Run& found);
  void askAgain(const store::Change& change);

  imap::Session& session_;
  const Store store_;
  Pending& pending_;
  const OnChange& on_change_;
  std::set<MailboxId> changed_;
};

UidSet uidsOf(const Run& run);

}  // namespace emlfs::sync
