// What becomes of a change of a mailbox that the server has refused.
#include <fmt/format.h>

#include <algorithm>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "sync/mailbox_replay.h"
#include "sync/namespaces.h"
#include "sync/tree_update.h"

namespace emlfs::sync {

using store::Change;

void refuseMailboxChange(Store store, const Change& change, const Error& error,
                         const OnChange& on_change) {
  store.pending->renaming();
  const auto now = store.pending->touching(change.mailbox, 0);
  const auto self = std::find_if(
      now.begin(), now.end(), [&](const Change& other) { return other.number == change.number; });
  const auto undone = std::find_if(now.begin(), now.end(), [&](const Change& other) {
    return other.kind == Change::Kind::remove_mailbox && other.mailbox == change.mailbox;
  });
  if (change.kind == Change::Kind::create_mailbox && self != now.end() && undone != now.end()) {
    // Nobody wants it any more.
    log::info("{} was not made, and is removed already: {}", change.mailbox, error.what());
    store.pending->drop({*self, *undone});
  } else if (self != now.end()) {
    store.pending->park({*self}, error);
  }
  if (change.kind == Change::Kind::create_mailbox) {
    const char delimiter = delimiterOf(storedNamespaces(*store.cache.snapshot()));
    const Error because(error.code, error.scope,
                        fmt::format("the mailbox for it was not made: {}", error.what()),
                        error.server);
    const auto lost = [&] {
      Run found = store.pending->touching(change.mailbox, delimiter);
      std::erase_if(found, unfinished);  // drafts, which are refused when they are closed
      return found;
    };
    for (auto next = lost(); !next.empty(); next = lost())
      store.pending->park({next.front()}, because);
  }
  reshape(store, on_change);
}

}  // namespace emlfs::sync
