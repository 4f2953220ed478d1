#include "fs/draft_files.h"

#include <cerrno>
#include <climits>
#include <ctime>
#include <string_view>

#include "emlfs/account/changes.h"
#include "fs/answer.h"
#include "fs/attributes.h"
#include "fs/closings.h"
#include "fs/errno.h"
#include "fs/mending.h"

namespace emlfs::fs {
namespace {

// The errno of what `act` throws, or 0.
template <class Act>
int errnoOf(const Act& act) {
  try {
    act();
    return 0;
  } catch (const Error& error) {
    log::debug("refused: {}", error.what());
    return toErrno(error);
  } catch (const std::exception& error) {
    log::error("a change failed: {}", error.what());
    return EIO;
  }
}

// The answer may be given by another thread, once it is sure that we hear when the file is closed.
template <class Reply>
void makeFile(fuse_req_t request, fuse_ino_t parent, const char* name, Reply reply) {
  auto& context = contextOf(request);
  if (std::string_view(name).size() > NAME_MAX) {
    fuse_reply_err(request, ENAMETOOLONG);
    return;
  }
  fuse_entry_param made{};
  const int failure = errnoOf([&] {
    made = entry(context.account.changes()->create(MailboxId{parent}, name), context.options);
  });
  if (failure != 0)
    fuse_reply_err(request, failure);
  else
    context.closings->whenHeard(MailboxId{parent}, [made, reply] { reply(made); });
}

std::optional<MailboxId> directoryOf(const Account& account, fuse_ino_t node) {
  const auto message = account.snapshot()->message(MessageId{node});
  return message ? store::shownIn(*message) : std::nullopt;
}

// Of modes and owners the mount has its own, and a directory's times are those of its changes: to
// set them succeeds, or else `cp -p`, `tar x` and `rsync -a` would complain.
void changeMessage(Changes& changes, MessageId id, const struct stat& wanted, int which,
                   bool open_there) {
  if ((which & FUSE_SET_ATTR_SIZE) != 0) {
    // The time that comes along is that of this change.
    changes.truncate(id, static_cast<uint64_t>(wanted.st_size), open_there);
    return;
  }
  if ((which & FUSE_SET_ATTR_MTIME_NOW) != 0)
    changes.setTime(id, std::time(nullptr));
  else if ((which & FUSE_SET_ATTR_MTIME) != 0)
    changes.setTime(id, wanted.st_mtim.tv_sec);
}

}  // namespace

void create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t /*mode*/,
            fuse_file_info* info) {
  makeFile(request, parent, name, [request, info = *info](const fuse_entry_param& made) {
    fuse_reply_create(request, &made, &info);
  });
}

void mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t /*device*/) {
  if (!S_ISREG(mode)) {
    fuse_reply_err(request, EPERM);
    return;
  }
  makeFile(request, parent, name,
           [request](const fuse_entry_param& made) { fuse_reply_entry(request, &made); });
}

void write(fuse_req_t request, fuse_ino_t node, const char* bytes, size_t size, off_t offset,
           fuse_file_info* info) {
  auto& context = contextOf(request);
  const bool from_a_page = info->writepage != 0;
  std::optional<MailboxId> directory;
  const int failure = errnoOf([&] {
    context.account.changes()->write(MessageId{node}, static_cast<uint64_t>(offset), {bytes, size});
    directory = directoryOf(context.account, node);
  });
  if (failure != 0) {
    fuse_reply_err(request, failure);
    if (from_a_page)
      context.mending->mend(MessageId{node}, static_cast<uint64_t>(offset),
                            static_cast<uint32_t>(size));
    return;
  }
  const auto reply = [request, size] { fuse_reply_write(request, size); };
  if (directory)
    context.closings->whenHeard(*directory, reply);
  else
    reply();
}

void setattr(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int which,
             fuse_file_info* info) {
  if (isDirectory(node)) {
    getattr(request, node, info);
    return;
  }
  auto& context = contextOf(request);
  std::optional<MailboxId> directory;
  const int failure = errnoOf([&] {
    // With O_TRUNC the kernel names no open file, either; nothing empty is sent.
    changeMessage(*context.account.changes(), MessageId{node}, *wanted, which, info != nullptr);
    if ((which & FUSE_SET_ATTR_SIZE) != 0) directory = directoryOf(context.account, node);
  });
  if (failure != 0)
    fuse_reply_err(request, failure);
  else if (directory)
    context.closings->whenHeard(*directory, [request, node] { getattr(request, node, nullptr); });
  else
    getattr(request, node, nullptr);
}

void fsync(fuse_req_t request, fuse_ino_t node, int /*datasync*/, fuse_file_info* /*info*/) {
  answerDone(request, {}, [&](Context& context) {
    if (auto* changes = context.account.changes()) changes->sync(MessageId{node});
  });
}

}  // namespace emlfs::fs
