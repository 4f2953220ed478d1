#include "fs/attributes.h"

#include "emlfs/account/changes.h"
#include "emlfs/view/names.h"
#include "fs/errno.h"

namespace emlfs::fs {
namespace {

constexpr int64_t kSecond = 1'000'000'000;  // in nanoseconds
constexpr blksize_t kBlockSize = 4096;
constexpr fsblkcnt_t kQuotaUnit = 1024;  // of RFC 9208, in bytes
constexpr blkcnt_t kStatBlock = 512;     // the unit of st_blocks

void setTimes(struct stat& st, int64_t seconds, int64_t nanoseconds) {
  st.st_mtim.tv_sec = seconds;
  st.st_mtim.tv_nsec = nanoseconds;
  st.st_ctim = st.st_atim = st.st_mtim;
}

}  // namespace

struct stat attributes(const store::MailboxRecord& mailbox, const MountOptions& options) {
  struct stat st{};
  st.st_ino = mailbox.inode;
  st.st_mode = S_IFDIR | (0777 & ~options.umask);
  st.st_nlink = 2 + mailbox.subdirectories;
  st.st_uid = options.uid;
  st.st_gid = options.gid;
  st.st_blksize = kBlockSize;
  setTimes(st, mailbox.changed / kSecond, mailbox.changed % kSecond);
  return st;
}

struct stat attributes(const store::MessageRecord& message, const MountOptions& options) {
  struct stat st{};
  st.st_ino = message.inode;
  st.st_mode = S_IFREG | (0666 & ~options.umask);
  st.st_nlink = 1;
  st.st_uid = options.uid;
  st.st_gid = options.gid;
  st.st_size = static_cast<off_t>(message.size);
  // 0 blocks would make `tar -S` archive a hole.
  st.st_blocks = (st.st_size + kStatBlock - 1) / kStatBlock;
  st.st_blksize = kBlockSize;
  setTimes(st, message.date.seconds, 0);
  return st;
}

fuse_entry_param entry(const store::MailboxRecord& mailbox, const MountOptions& options) {
  fuse_entry_param answer{};
  answer.ino = mailbox.id.value;
  answer.attr = attributes(mailbox, options);
  answer.attr_timeout = kDirectoryAttributes;
  answer.entry_timeout = kForever;
  return answer;
}

fuse_entry_param entry(const store::MessageRecord& message, const MountOptions& options) {
  fuse_entry_param answer{};
  answer.ino = message.id.value;
  answer.attr = attributes(message, options);
  answer.attr_timeout = kForever;
  answer.entry_timeout = kForever;
  return answer;
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* /*info*/) {
  auto& context = contextOf(request);
  auto& account = context.account;
  const auto& options = context.options;
  try {
    const auto snapshot = account.snapshot();
    if (isDirectory(node)) {
      const auto mailbox = snapshot->mailbox(MailboxId{node});
      if (!mailbox) {
        fuse_reply_err(request, ESTALE);
        return;
      }
      const auto st = attributes(*mailbox, options);
      fuse_reply_attr(request, &st, kDirectoryAttributes);
      account.touched(mailbox->id);
      return;
    }
    const auto found = snapshot->message(MessageId{node});
    if (!found) {
      const auto* const changes = account.changes();
      if (const auto unlinked = changes ? changes->unlinked(MessageId{node}) : std::nullopt) {
        auto st = attributes(*unlinked, options);
        st.st_nlink = 0;
        fuse_reply_attr(request, &st, kForever);
        return;
      }
      fuse_reply_err(request, ESTALE);
      return;
    }
    const auto message = account.live(*found);
    account.sizeTold(message.id, message.size);
    const auto st = attributes(message, options);
    fuse_reply_attr(request, &st, kForever);
  } catch (const Error& error) {
    fuse_reply_err(request, toErrno(error));
  }
}

struct statvfs room(const std::optional<imap::Quota>& quota) {
  struct statvfs st{};
  st.f_bsize = kBlockSize;
  st.f_frsize = kQuotaUnit;
  st.f_namemax = view::kNameMax;
  if (quota && quota->storage) {
    const auto& [used, limit] = *quota->storage;
    st.f_blocks = limit / kQuotaUnit;
    st.f_bfree = st.f_bavail = used < limit ? (limit - used) / kQuotaUnit : 0;
  }
  if (quota && quota->messages) {
    const auto& [used, limit] = *quota->messages;
    st.f_files = limit;
    st.f_ffree = st.f_favail = used < limit ? limit - used : 0;
  }
  return st;
}

void statfs(fuse_req_t request, fuse_ino_t /*node*/) {
  try {
    const auto st = room(contextOf(request).account.quota());
    fuse_reply_statfs(request, &st);
  } catch (const Error& error) {
    fuse_reply_err(request, toErrno(error));
  }
}

}  // namespace emlfs::fs
