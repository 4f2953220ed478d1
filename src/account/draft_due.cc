// When drafts are finished.
#include <algorithm>

#include "account/drafts.h"

namespace emlfs {

void Drafts::finishSoon(MessageId id, Milliseconds quiet) {
  {
    const MutexLock lock(mutex_);
    if (drafts_.count(id) == 0) return;
    due_[id] = Clock::now() + quiet;
  }
  changed_.notify_all();
}

void Drafts::deaf() {
  deaf_ = true;
  std::vector<MessageId> ids;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, draft] : drafts_)
      if (due_.count(id) == 0) ids.push_back(id);
  }
  for (const MessageId id : ids) finishSoon(id, kDeafQuiet);
}

bool Drafts::isIdle(MessageId id) const {
  const auto draft = find(id);
  return draft && draft->closed && (draft->size == 0 || draft->temporary);
}

void Drafts::deletionsWait() {
  const bool waited = store_.pending->held();  // when it was asked last
  {
    const MutexLock lock(mutex_);
    if (waking_) return;
    pause_ = waited ? std::clamp(pause_ * 2, kQuiet, kDeafQuiet) : kQuiet;
    waking_ = Clock::now() + pause_;
  }
  changed_.notify_all();
}

void Drafts::loop() {
  for (;;) {
    std::vector<MessageId> ready;
    bool wake = false;
    {
      MutexLock lock(mutex_);
      while (!stopping_) {
        const auto now = Clock::now();
        auto next = waking_.value_or(Clock::time_point::max());
        wake = next <= now;
        for (const auto& [id, when] : due_) {
          if (when <= now)
            ready.push_back(id);
          else
            next = std::min(next, when);
        }
        for (const MessageId id : ready) due_.erase(id);
        if (wake) waking_.reset();
        if (wake || !ready.empty()) break;
        if (next == Clock::time_point::max())
          changed_.wait(lock);
        else
          changed_.wait_until(lock, next);
      }
      if (stopping_) return;
    }
    bool any = wake;
    std::optional<Error> tried_again;
    for (const MessageId id : ready) any |= seal(id, tried_again);
    if (any) hooks_.added();
  }
}

std::optional<Error> Drafts::sealAll() {
  std::vector<MessageId> closed;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, draft] : drafts_)
      if (draft->closed) closed.push_back(id);
  }
  bool any = false;
  std::optional<Error> failed;
  for (const MessageId id : closed) any |= seal(id, failed);
  if (any) hooks_.added();
  return failed;
}

}  // namespace emlfs
