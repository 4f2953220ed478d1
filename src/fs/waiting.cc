#include "fs/waiting.h"

#include <utility>

#include "fs/errno.h"

namespace emlfs::fs {
namespace {

// libfuse keeps one pointer for us: the number of the wait fits, and needs no owner.
void interrupted(fuse_req_t request, void* wait) {
  contextOf(request).account.cancel(reinterpret_cast<uintptr_t>(wait));
}

}  // namespace

void waitForListing(fuse_req_t request, const store::MailboxRecord& mailbox,
                    std::function<void()> again) {
  auto& account = contextOf(request).account;
  const WaitId wait = account.newWait();
  // Before the wait begins: once it has, the request may be answered and gone at any moment.
  fuse_req_interrupt_func(request, interrupted, reinterpret_cast<void*>(wait));
  account.whenListed(wait, mailbox.id, mailbox.state.listed_to,
                     [request, again = std::move(again)](const std::optional<Error>& error) {
                       if (error)
                         fuse_reply_err(request, toErrno(*error));
                       else
                         again();
                     });
}

}  // namespace emlfs::fs
