// What drafts need of store, spool and journal.
#pragma once

#include <string>
#include <vector>

#include "emlfs/base/error.h"
#include "emlfs/store/cache.h"
#include "emlfs/store/journal.h"
#include "emlfs/store/spool.h"
#include "emlfs/sync/pending.h"
#include "emlfs/sync/tree_change.h"

namespace emlfs {

Error notAMessage();

void touchDirectory(store::Update& update, MailboxId directory);

// The local id that a spool file is named after; 0 if it is none.
MessageId idOf(const std::string& file);

// Of all local ids that journal and spool speak of. The counter may be lost, and the cache as well.
uint64_t highestId(const store::Journal& journal, const store::Spool& spool);

// A new file: its directory has changed.
void putRecord(store::Cache& cache, const store::MessageRecord& record);

// File and name go; never throws, for what can't be removed is found by the next mount.
void dropDraft(const store::Spool& spool, store::Journal& journal, MessageId id,
               const std::string& file) noexcept;

// Writes the cached body of a message to `fd`. Throws Error(busy) if not all of it is cached.
void copyBody(const store::Snapshot& snapshot, const store::MessageRecord& message, int fd);

// A message that is replaced goes from its name at once: to nowhere, or, if that is what becomes of
// it, into the trash. Gives what the kernel did not do itself.
sync::TreeChange hideReplaced(store::Update& update, store::MessageRecord message,
                              const store::Change& deletion);

// One file has got the name of another.
sync::TreeChange instead(const store::MessageRecord& old, const store::MessageRecord& record);

void copyFile(int from, int to);

struct Contents {
  store::Beginning beginning = store::Beginning::undecided;
  bool has_nul = false;
  std::string message_id;  // the raw field
};
Contents contentsOf(int fd);

}  // namespace emlfs
