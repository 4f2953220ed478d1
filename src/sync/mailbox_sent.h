// What the store and the journal hold after a change of a mailbox has reached the server. First the
// store, then the journal: a crash in between is found out as a lost answer is.
#pragma once

#include <optional>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Does what may be refused, and then is only logged.
template <class Command>
void convenience(Command command) {
  try {
    command();
  } catch (const Error& error) {
    if (error.scope != Scope::mailbox) throw;
    log::info("{}", error.what());
  }
}

// From now on the server calls it so, with all below it; which UIDs are others is found out here.
// `number` as in Pending::renamed(). `status`: of one that was made.
void settleRenamed(imap::Session& session, Store store, uint64_t number, Renamed renamed,
                   const std::optional<MailboxStatus>& status, const OnChange& on_change);

// It is gone.
void settleRemoved(Store store, const store::Change& change, const OnChange& on_change);

}  // namespace emlfs::sync
