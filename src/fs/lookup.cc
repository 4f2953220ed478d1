#include "fs/lookup.h"

#include <climits>
#include <string>
#include <string_view>

#include "fs/attributes.h"
#include "fs/errno.h"
#include "fs/waiting.h"

namespace emlfs::fs {
namespace {

// ENOENT that the kernel may remember: a new entry takes it back.
void replyAbsent(fuse_req_t request) {
  fuse_entry_param absent{};
  absent.entry_timeout = kForever;
  fuse_reply_entry(request, &absent);
}

bool replyFound(fuse_req_t request, Context& context, const store::Snapshot& snapshot,
                MailboxId parent, std::string_view name) {
  const auto found = snapshot.find(parent, name);
  if (!found) return false;
  fuse_entry_param answer{};
  if (isDirectory(found->node)) {
    const auto mailbox = snapshot.mailbox(MailboxId{found->node});
    if (!mailbox) return false;
    answer = entry(*mailbox, context.options);
  } else {
    const auto message = snapshot.message(MessageId{found->node});
    if (!message) return false;
    context.account.sizeTold(message->id, message->size);
    answer = entry(context.account.live(*message), context.options);
  }
  fuse_reply_entry(request, &answer);
  return true;
}

void find(fuse_req_t request, MailboxId parent, const std::string& name) {
  auto& context = contextOf(request);
  try {
    const auto snapshot = context.account.snapshot();
    const auto directory = snapshot->mailbox(parent);
    if (!directory) {
      fuse_reply_err(request, ESTALE);
    } else if (replyFound(request, context, *snapshot, parent, name)) {
      return;
    } else if (directory->state.complete) {
      replyAbsent(request);
    } else if (!directory->selectable || !name.ends_with(".eml")) {
      // No message is called so, and mailboxes are known: .git, .hidden and their like, which
      // tools look for everywhere, must not cost a listing. Not to be remembered, though: the first
      // listing of what is a mailbox, or becomes one, takes no names back.
      fuse_reply_err(request, ENOENT);
    } else {
      waitForListing(request, *directory, [request, parent, name] { find(request, parent, name); });
    }
  } catch (const Error& error) {
    fuse_reply_err(request, toErrno(error));
  }
}

}  // namespace

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (std::string_view(name).size() > NAME_MAX)
    fuse_reply_err(request, ENAMETOOLONG);
  else
    find(request, MailboxId{parent}, name);
}

}  // namespace emlfs::fs
