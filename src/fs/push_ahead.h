// What a walk over a directory comes to next is put into the kernel's page cache before it is asked
// for: a READ costs more than all else that is done for a message. Thread-safe.
//
// A thread of its own does it, with no lock and no transaction held, since a store into a page
// waits for the READ of that page: from a handler it could wait for itself. It waits for no READ
// that waits for the network, since only messages are stored that can be answered at once
// (Account::settledBody). Were the daemon killed in just that moment, the kernel would keep it, as
// ARCHITECTURE.md says of names.
#pragma once

#include <fuse_lowlevel.h>

#include <deque>
#include <thread>
#include <vector>

#include "emlfs/account/account.h"
#include "emlfs/base/mutex.h"

namespace emlfs::fs {

class PushAhead {
 public:
  PushAhead(Account& account, fuse_session* session);
  ~PushAhead();
  void add(const WalkNews& news);
  // Drops what is queued. To be called while READs are still being answered, or not at all any
  // more: else it waits for them.
  void stop();

 private:
  static constexpr size_t kMostLots = 64;
  // Given from its end on, towards the reader: whoever of the two is faster, they meet once. Who
  // went the same way as the reader, just before him, would wait for each of his READs.
  struct Lot {
    MailboxId directory;
    std::vector<MessageId> messages;
  };
  void loop();
  // Of what is queued for this directory, what comes before the message and itself.
  void dropPassed(MailboxId directory, MessageId read) REQUIRES(mutex_);
  // False: the kernel doesn't know it.
  bool give(MessageId id);
  void drop(MailboxId directory);

  Account& account_;
  fuse_session* const session_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Lot> lots_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace emlfs::fs
