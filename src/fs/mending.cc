#include "fs/mending.h"

#include <utility>

#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs::fs {

Mending::Mending(Account& account, fuse_session* session)
    : account_(account), session_(session), thread_(startThread("mending", [this] { loop(); })) {}

Mending::~Mending() {
  stop();
}

void Mending::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Mending::mend(MessageId id, uint64_t offset, uint32_t size) {
  account_.read(0, id, offset, size,
                [this, id, offset](const std::optional<Error>& error,
                                   const std::vector<std::string_view>& parts) {
                  if (error) {
                    log::warning("pages that a program has altered can't be mended: {}",
                                 error->what());
                    return;
                  }
                  Page page{id, offset, {}};
                  for (const auto part : parts) page.bytes.append(part);
                  {
                    const MutexLock lock(mutex_);
                    queue_.push_back(std::move(page));
                  }
                  changed_.notify_all();
                });
}

void Mending::loop() {
  for (;;) {
    std::vector<Page> pages;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) changed_.wait(lock);
      if (stopping_) return;
      pages.swap(queue_);
    }
    for (auto& page : pages) {
      fuse_bufvec bytes = FUSE_BUFVEC_INIT(page.bytes.size());
      bytes.buf[0].mem = page.bytes.data();
      const int result =
          fuse_lowlevel_notify_store(session_, page.id.value, static_cast<off_t>(page.offset),
                                     &bytes, static_cast<fuse_buf_copy_flags>(0));
      if (result != 0) log::debug("a page could not be mended: {}", -result);
    }
  }
}

}  // namespace emlfs::fs
