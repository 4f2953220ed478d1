// The view after a crash that came between the journal and the cache, of messages that nothing is
// pending for: what is pending says itself where it is to be seen (showPending()).
#pragma once

#include "emlfs/sync/sync.h"

namespace emlfs::sync {

// Messages are where the server has them, under the names that the journal has, and the names of
// messages that are gone are forgotten. Before anybody reads.
void mendView(Store store);

}  // namespace emlfs::sync
