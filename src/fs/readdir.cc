#include "fs/readdir.h"

#include <vector>

#include "fs/attributes.h"
#include "fs/errno.h"
#include "fs/waiting.h"

namespace emlfs::fs {
namespace {

// Offsets: 1 and 2 are behind "." and "..", then three ranges.
constexpr uint64_t kDotDot = 2;
constexpr uint64_t kSubdirectories = uint64_t{1} << 60;  // | local id
constexpr uint64_t kMessages = uint64_t{2} << 60;        // | UID
constexpr uint64_t kArrivals = uint64_t{3} << 60;        // | local id

struct Question {
  fuse_req_t request;
  MailboxId directory;
  size_t size;
  uint64_t offset;
  bool plus;
};

// The answer as it fills.
class Entries {
 public:
  explicit Entries(const Question& question) : question_(question), buffer_(question.size) {}

  // False if it no longer fits.
  bool add(const std::string& name, const fuse_entry_param& entry, uint64_t next) {
    char* const at = buffer_.data() + used_;
    const size_t room = buffer_.size() - used_;
    const size_t needed = question_.plus
                              ? fuse_add_direntry_plus(question_.request, at, room, name.c_str(),
                                                       &entry, static_cast<off_t>(next))
                              : fuse_add_direntry(question_.request, at, room, name.c_str(),
                                                  &entry.attr, static_cast<off_t>(next));
    if (needed > room) return false;
    used_ += needed;
    return true;
  }
  bool empty() const { return used_ == 0; }
  bool withAttributes() const { return question_.plus; }
  void reply() { fuse_reply_buf(question_.request, buffer_.data(), used_); }

 private:
  const Question& question_;
  std::vector<char> buffer_;
  size_t used_ = 0;
};

// For "." and "..": the kernel wants the number and the kind, and takes no reference.
fuse_entry_param dot(uint64_t inode) {
  fuse_entry_param entry{};
  entry.attr.st_ino = inode;
  entry.attr.st_mode = S_IFDIR;
  return entry;
}

bool addDots(Entries& entries, uint64_t offset, const store::Snapshot& snapshot,
             const store::MailboxRecord& directory) {
  if (offset < 1 && !entries.add(".", dot(directory.inode), 1)) return false;
  if (offset >= kDotDot) return true;
  const auto parent = snapshot.mailbox(directory.parent);
  return entries.add("..", dot(parent ? parent->inode : directory.inode), kDotDot);
}

// False if the answer is full.
bool fill(Entries& entries, uint64_t offset, Context& context, const store::Snapshot& snapshot,
          const store::MailboxRecord& directory) {
  if (!addDots(entries, offset, snapshot, directory)) return false;
  bool room = true;
  if (offset < kMessages) {
    const uint64_t after =
        offset > kSubdirectories ? (offset - kSubdirectories) | kDirectoryBit : 0;
    snapshot.subdirectories(directory.id, after, [&](const store::MailboxRecord& mailbox) {
      room = entries.add(mailbox.name, entry(mailbox, context.options),
                         kSubdirectories | (mailbox.id.value & ~kDirectoryBit));
      return room;
    });
  }
  if (!room) return false;
  const auto add = [&](const store::MessageRecord& record, uint64_t next) {
    const auto message = context.account.live(record);
    room = entries.add(message.name, entry(message, context.options), next);
    if (room && entries.withAttributes()) context.account.sizeTold(message.id, message.size);
    return room;
  };
  // During a first listing, only what is complete: an entry that came below the reader's offset
  // later would be missed.
  const bool listed = context.account.listed(directory);
  if (offset < kArrivals) {
    const Uid after = offset > kMessages ? static_cast<Uid>(offset - kMessages) : 0;
    snapshot.messages(directory.id, after, [&](const store::MessageRecord& message) {
      if (!listed && message.uid > directory.state.listed_to) return false;
      return message.shown != store::Shown::in_place || add(message, kMessages | message.uid);
    });
  }
  if (!room || !listed) return room;
  const MessageId arrived{offset > kArrivals ? offset - kArrivals : 0};
  snapshot.arrivals(directory.id, arrived, [&](const store::MessageRecord& message) {
    return add(message, kArrivals | message.id.value);
  });
  return room;
}

void answer(const Question& question) {
  auto& context = contextOf(question.request);
  try {
    const auto snapshot = context.account.snapshot();
    const auto directory = snapshot->mailbox(question.directory);
    if (!directory) {
      fuse_reply_err(question.request, ESTALE);
      return;
    }
    if (question.offset == 0) context.account.visited(directory->id);
    Entries entries(question);
    const bool room = fill(entries, question.offset, context, *snapshot, *directory);
    if (entries.empty() && !room)
      fuse_reply_err(question.request, EINVAL);
    else if (entries.empty() && !context.account.listed(*directory))
      waitForListing(question.request, *directory, [question] { answer(question); });
    else
      entries.reply();
  } catch (const Error& error) {
    fuse_reply_err(question.request, toErrno(error));
  }
}

}  // namespace

void readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
             fuse_file_info* /*info*/) {
  answer({request, MailboxId{node}, size, static_cast<uint64_t>(offset), false});
}

void readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                 fuse_file_info* /*info*/) {
  answer({request, MailboxId{node}, size, static_cast<uint64_t>(offset), true});
}

}  // namespace emlfs::fs
