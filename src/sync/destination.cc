#include "sync/destination.h"

#include <limits>

#include "emlfs/base/error.h"

namespace emlfs::sync {

store::Change::Destination destinationOf(imap::Session& session, const std::string& wire) {
  constexpr Uid kLastUid = std::numeric_limits<Uid>::max();
  store::Change::Destination destination;
  try {
    const auto now = session.status(wire);
    destination = {now.uid_validity, now.uid_next, 0};
  } catch (const Error& error) {
    const bool is_silent = error.code == Code::refused || error.code == Code::denied;
    if (error.scope != Scope::mailbox || !is_silent) throw;
    return destination;
  }
  if (destination.uid_next == 0) {
    destination.uid_validity = session.examine(wire).uid_validity;
    const UidSet all = session.searchUids(1, kLastUid);
    const Uid last = all.empty() ? 0 : all.ranges().back().last;
    destination.uid_next = last == kLastUid ? last : last + 1;
  }
  return destination;
}

}  // namespace emlfs::sync
