#include "fs/push_ahead.h"

#include <algorithm>
#include <cerrno>

#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs::fs {

PushAhead::PushAhead(Account& account, fuse_session* session)
    : account_(account),
      session_(session),
      thread_(startThread("push ahead", [this] { loop(); })) {}

PushAhead::~PushAhead() {
  stop();
}

void PushAhead::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PushAhead::add(const WalkNews& news) {
  {
    const MutexLock lock(mutex_);
    dropPassed(news.directory, news.read);
    if (news.next.empty()) return;
    lots_.push_back({news.directory, news.next});
    if (lots_.size() > kMostLots) lots_.pop_front();
  }
  changed_.notify_all();
}

void PushAhead::dropPassed(MailboxId directory, MessageId read) {
  for (auto lot = lots_.begin(); lot != lots_.end(); ++lot) {
    if (lot->directory != directory) continue;
    auto& messages = lot->messages;
    const auto at = std::ranges::find(messages, read);
    if (at == messages.end()) continue;
    messages.erase(messages.begin(), at + 1);
    lots_.erase(std::remove_if(lots_.begin(), lot,
                               [&](const Lot& each) { return each.directory == directory; }),
                lot);
    return;
  }
}

void PushAhead::loop() {
  for (;;) {
    MailboxId directory;
    MessageId id;
    {
      MutexLock lock(mutex_);
      while (lots_.empty() && !stopping_) changed_.wait(lock);
      if (stopping_) return;
      Lot& lot = lots_.front();
      if (lot.messages.empty()) {
        lots_.pop_front();
        continue;
      }
      directory = lot.directory;
      id = lot.messages.back();
      lot.messages.pop_back();
    }
    if (!give(id)) drop(directory);
  }
}

bool PushAhead::give(MessageId id) {
  std::optional<std::string> body;
  try {
    body = account_.settledBody(id);
  } catch (const Error& error) {  // its reader will be told
    log::debug("not given to the kernel: {}", error.what());
    return false;
  }
  if (!body || body->empty()) return true;
  fuse_bufvec bytes = FUSE_BUFVEC_INIT(body->size());
  bytes.buf[0].mem = body->data();
  const int result = fuse_lowlevel_notify_store(session_, id.value, 0, &bytes,
                                                static_cast<fuse_buf_copy_flags>(0));
  // The kernel doesn't know the file (any more): it will look for it, and ask.
  if (result != 0 && result != -ENOENT) log::debug("not given to the kernel: {}", -result);
  return result == 0;
}

void PushAhead::drop(MailboxId directory) {
  const MutexLock lock(mutex_);
  std::erase_if(lots_, [&](const Lot& each) { return each.directory == directory; });
}

}  // namespace emlfs::fs
