#include "fs/mailboxes.h"

#include <cerrno>
#include <climits>
#include <cstring>

#include "emlfs/account/changes.h"
#include "fs/answer.h"
#include "fs/attributes.h"

namespace emlfs::fs {

void mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t /*mode*/) {
  if (std::strlen(name) > NAME_MAX) {
    fuse_reply_err(request, ENAMETOOLONG);
    return;
  }
  answer(request, {{MailboxId{parent}, name}}, [&](Context& context) {
    const auto made = context.account.changes()->makeMailbox(MailboxId{parent}, name);
    return
        [made = entry(made, context.options)](fuse_req_t done) { fuse_reply_entry(done, &made); };
  });
}

void rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answerDone(request, {{MailboxId{parent}, name}}, [&](Context& context) {
    hearClosings(context);
    const auto found = context.account.snapshot()->find(MailboxId{parent}, name);
    if (!found) throw Error(Code::not_found, Scope::mailbox, "no such directory");
    context.account.changes()->removeMailbox(MailboxId{found->node});
  });
}

}  // namespace emlfs::fs
