// Messages may arrive in a mailbox as long as this lives: see Pending::receives().
#pragma once

#include <string>

#include "emlfs/sync/pending.h"

namespace emlfs::sync {

class Receiving {
 public:
  Receiving(Pending& pending, const Run& run, const store::Change::Destination& destination)
      : pending_(pending), mailbox_(run.front().mailbox) {
    pending_.begin(run, destination);
  }
  ~Receiving() { pending_.end(mailbox_); }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;

 private:
  Pending& pending_;
  const std::string mailbox_;
};

}  // namespace emlfs::sync
