// One at a time reads and changes what the journal says of a message.
#pragma once

#include <set>
#include <utility>

#include "emlfs/sync/pending.h"

namespace emlfs::sync {

class Pending::Turn {
 public:
  Turn(Pending& pending, std::set<MessageId> ids) : pending_(pending), ids_(std::move(ids)) {
    pending_.takeTurn(ids_);
  }
  ~Turn() { pending_.endTurn(ids_); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Pending& pending_;
  const std::set<MessageId> ids_;
};

}  // namespace emlfs::sync
