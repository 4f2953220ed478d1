#include "fs/changes.h"

#include <linux/fs.h>
#include <sys/xattr.h>

#include <cerrno>
#include <climits>
#include <string_view>

#include "emlfs/account/changes.h"
#include "fs/answer.h"
#include "fs/commands.h"
#include "fs/errno.h"
#include "fs/flag_words.h"

namespace emlfs::fs {
namespace {

constexpr std::string_view kFlags = "user.imap.flags";
constexpr std::string_view kOurs = "user.imap.";

store::Dirent find(Context& context, fuse_ino_t parent, std::string_view name) {
  const auto found = context.account.snapshot()->find(MailboxId{parent}, name);
  if (!found) throw Error(Code::not_found, Scope::message, "no such file");
  return *found;
}

// Who copies messages and mailboxes with their attributes (`mv` between two mounts) asks for what
// the server will say of new ones itself: ignored, as owners and modes are.
bool isGiven(const Account& account, fuse_ino_t node, std::string_view name) {
  if (isDirectory(node)) return true;
  if (name == kFlags) return false;
  const auto message = account.snapshot()->message(MessageId{node});
  return message && message->uid == 0;
}

// While its attribute is set the kernel holds the lock of `node`: to take back its name, or one in
// it, waits for that.
std::vector<Touched> touchedBy(const Account& account, fuse_ino_t node) {
  if (isDirectory(node)) return {{MailboxId{node}, {}}};
  try {
    const auto message = account.snapshot()->message(MessageId{node});
    const auto directory = message ? store::shownIn(*message) : std::nullopt;
    if (directory) return {{*directory, message->name}};
  } catch (const Error& error) {
    log::debug("{}", error.what());  // setting it will fail for the same reason
  }
  return {};
}

}  // namespace

void rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  answerDone(request, {{MailboxId{parent}, name}, {MailboxId{new_parent}, new_name}},
             [&](Context& context) {
               if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0)
                 throw Error(Code::invalid, Scope::message, "files can't change places");
               hearClosings(context);
               const auto found = find(context, parent, name);
               auto& changes = *context.account.changes();
               if (isDirectory(found.node))
                 changes.renameMailbox(MailboxId{found.node}, MailboxId{new_parent}, new_name);
               else
                 changes.rename(MessageId{found.node}, MailboxId{new_parent}, new_name,
                                (flags & RENAME_NOREPLACE) == 0);
             });
}

void unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answerDone(request, {{MailboxId{parent}, name}}, [&](Context& context) {
    hearClosings(context);
    context.account.changes()->remove(MessageId{find(context, parent, name).node});
  });
}

void setxattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value, size_t size,
              int flags) {
  if (isCommand(node, name)) {
    answer(request, touchedBy(contextOf(request).account, node), [&](Context& context) {
      command(context, MailboxId{node}, name, {value, size});
      return [](fuse_req_t done) { fuse_reply_err(done, 0); };
    });
    return;
  }
  // As getxattr answers, so that tools stop trying.
  if (!std::string_view(name).starts_with(kOurs)) {
    fuse_reply_err(request, EOPNOTSUPP);
    return;
  }
  answerDone(request, touchedBy(contextOf(request).account, node), [&](Context& context) {
    if (isGiven(context.account, node, name)) return;
    if (name != kFlags)
      throw Error(Code::not_permitted, Scope::message, "only user.imap.flags can be changed");
    if ((flags & XATTR_CREATE) != 0) throw Error(Code::exists, Scope::message, "it is there");
    const auto words = parseFlagWords({value, size});
    if (words.add.names().empty() && words.remove.names().empty()) return;
    hearClosings(context);
    context.account.changes()->setFlags(MessageId{node}, words.add, words.remove);
  });
}

void removexattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  const bool ours = std::string_view(name).starts_with(kOurs);
  fuse_reply_err(request, !ours ? EOPNOTSUPP : isDirectory(node) ? 0 : EPERM);
}

void link(fuse_req_t request, fuse_ino_t /*node*/, fuse_ino_t /*new_parent*/,
          const char* /*new_name*/) {
  fuse_reply_err(request, EPERM);
}

void symlink(fuse_req_t request, const char* /*target*/, fuse_ino_t /*parent*/,
             const char* /*name*/) {
  fuse_reply_err(request, EPERM);
}

void fsyncdir(fuse_req_t request, fuse_ino_t /*node*/, int /*datasync*/, fuse_file_info* /*info*/) {
  if (contextOf(request).account.changes() == nullptr)
    fuse_reply_err(request, 0);
  else {
    // What was closed before is to be known.
    contextOf(request).closings->drain();
    answerWhenFlushed(request);
  }
}

}  // namespace emlfs::fs
