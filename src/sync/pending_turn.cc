#include "sync/pending_turn.h"

namespace emlfs::sync {

void Pending::takeTurn(const std::set<MessageId>& ids) {
  MutexLock lock(mutex_);
  for (auto id = ids.begin(); id != ids.end();) {
    if (in_turn_.count(*id) == 0) {
      ++id;
      continue;
    }
    turn_ended_.wait(lock);
    id = ids.begin();
  }
  in_turn_.insert(ids.begin(), ids.end());
}

void Pending::endTurn(const std::set<MessageId>& ids) {
  const MutexLock lock(mutex_);
  for (const MessageId id : ids) in_turn_.erase(id);
  turn_ended_.notify_all();
}

}  // namespace emlfs::sync
