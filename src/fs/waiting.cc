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

void cancelWhenInterrupted(fuse_req_t request, WaitId wait) {
  fuse_req_interrupt_func(request, interrupted, reinterpret_cast<void*>(wait));
}

void waitForListing(fuse_req_t request, const store::MailboxRecord& mailbox,
                    std::function<void()> again) {
  auto& context = contextOf(request);
  auto& account = context.account;
  auto& invalidator = *context.invalidator;
  const WaitId wait = account.newWait();
  cancelWhenInterrupted(request, wait);
  invalidator.hold(mailbox.id);
  account.whenListed(wait, mailbox.id, mailbox.state.listed_to,
                     [request, directory = mailbox.id, &invalidator,
                      again = std::move(again)](const std::optional<Error>& error) {
                       invalidator.release(directory);
                       if (error)
                         fuse_reply_err(request, toErrno(*error));
                       else
                         again();
                     });
}

}  // namespace emlfs::fs
