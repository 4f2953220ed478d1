// Recognises who reads the messages of a directory one after the other, and tells what he will read
// next: tools go through it in the order in which it is listed, which is that of inodes as well
// (grep, tar, find), the other way round (rg), or by name (rsync, a shell's *). Who has gone on
// from one directory to the next of the tree is followed beyond the end of that one, too. A value
// without clocks; not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/store/cache.h"

namespace emlfs {

class Walks {
 public:
  static constexpr uint64_t kLargestWindow = 8 << 20;

  // `largest_window`: how many bytes may be on their way, or there and not read yet.
  explicit Walks(uint64_t largest_window = kLargestWindow)
      : largest_window_(std::clamp(largest_window, kFirstWindow, kLargestWindow)) {}

  // Whether the beginning of a message is in the store.
  using Cached = std::function<bool(MessageId)>;

  struct Ahead {
    // Both in the order in which they will be read.
    std::vector<store::MessageRecord> messages;  // to be fetched
    // To be given to the kernel, which then asks for none of them.
    std::vector<MessageId> cached;
    bool to_the_end = false;  // also of large ones; else nobody has read more than their beginnings
  };
  // Somebody reads `message` from its first byte. Gives what is to be there before he comes to it.
  Ahead begins(const store::Snapshot& snapshot, const store::MessageRecord& message,
               const Cached& cached);
  // Somebody reads in a message beyond its beginning: on from there, or he jumps to its end.
  void goesOn(MessageId id, uint64_t offset, uint64_t size);
  // So many bytes from the server are enough for now.
  void limitWindow(uint64_t bytes) { limit_ = std::max(bytes, kFirstWindow); }

  // Messages up to this size count as read whole, whoever reads their beginning.
  static constexpr uint64_t kLarge = 2 * uint64_t{store::kChunkBytes};

 private:
  // Bytes that are fetched, or given to the kernel, before they are read.
  static constexpr uint64_t kFirstWindow = 256 << 10;
  // Messages. Of cached ones at first so few, since who reads goes on meanwhile.
  static constexpr size_t kMostAtOnce = 1'024;
  static constexpr size_t kFewAtOnce = 32;
  static constexpr size_t kNear = 8;    // so far the next one may be, before it is a walk
  static constexpr size_t kLead = 2;    // so near, who reads would be there first
  static constexpr int kWalking = 3;    // steps
  static constexpr int kMostSteps = 8;  // that are counted
  static constexpr size_t kMostDirectories = 64;
  static constexpr size_t kFarthest = 16;  // directories beyond the one that is read
  static constexpr int kAgain = 16;        // messages, until it is looked for the next directory
  static constexpr size_t kRemembered = 64;
  static constexpr uint64_t kRecent = 32;                      // messages
  static constexpr uint64_t kReadAtOnce = store::kChunkBytes;  // bytes; the kernel's READs

  enum class Order { up, down, name };
  struct Coming {
    MessageId id;
    uint64_t size = 0;
    uint64_t bytes = 0;  // that were asked for
    bool asked = false;
    bool silent = false;  // nobody will ask for it
    bool passed = false;  // cached, when it was looked at from the directory before
  };
  struct Walk {
    Order order = Order::up;
    std::deque<Coming> coming;     // behind what was read last
    std::deque<MessageId> passed;  // the last ones, read or not
    Uid end_uid = 0;               // of the last one in `coming`
    std::string end_name;
    bool ended = false;  // nothing comes behind that
    int steps = 0;
    uint64_t window = kFirstWindow;
    size_t most_cached = kFewAtOnce;  // at once
    size_t given = 0;                 // cached ones, the last time
    // One in that directory, which has come to its end; if it begins with the first message.
    std::optional<MailboxId> follows;
    bool in_tree = false;  // it came from the directory before this one
    // The directory beyond this one, or when to look for it again.
    std::optional<MailboxId> next;
    int next_in = 0;  // messages

    bool atItsEnd() const {
      return steps >= kWalking && ended &&
             std::ranges::count(coming, false, &Coming::silent) < std::ptrdiff_t{kNear};
    }
  };
  struct Directory {
    std::array<Walk, 3> walks;  // by Order
    MessageId last;
    uint64_t used = 0;
    bool read = false;               // else only looked into, beyond another
    std::optional<MessageId> large;  // read last, and not read on yet
    uint64_t large_read_to = 0;
    bool to_the_end = false;
  };

  // False, and nothing has happened: this walk doesn't come to it next.
  static bool advance(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                      MessageId message);
  void stray(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
             const store::MessageRecord& message) const;
  static bool isFirst(const store::Snapshot& snapshot, MailboxId directory, Order order,
                      const store::MessageRecord& message);
  // Until `count` are coming, or there are no more.
  static void look(const store::Snapshot& snapshot, MailboxId directory, Walk& walk, size_t count);
  static Directory newDirectory();
  Directory& directoryOf(MailboxId id);
  void makeRoom();

  // walks_ahead.cc
  struct Room {  // bytes
    uint64_t all = 0;
    uint64_t fetched = 0;  // of them
  };
  Ahead ask(const store::Snapshot& snapshot, MailboxId directory, Order order, const Cached& cached,
            bool to_the_end);
  // Fills `ahead` with what fits into the bytes that are left. False if there is more in this
  // directory. Cached messages of one that is not read yet are passed over: the kernel doesn't know
  // them.
  static bool take(const store::Snapshot& snapshot, MailboxId directory, Walk& walk, bool read,
                   const Cached& cached, Room& left, Ahead& ahead);
  // Who reads only what the kernel has is not heard of: from `first` on, one message half way
  // to the end of what was asked for is left to him, and tells when he has come so far.
  static void leaveOne(Walk& walk, size_t first, std::vector<MessageId>& cached);
  // The next one of the tree with messages, all of them known; absent if there is none. Who reads
  // with several threads is in several directories: those that he has begun are behind him.
  std::optional<MailboxId> beyond(const store::Snapshot& snapshot, MailboxId directory,
                                  Order order) const;
  bool isBeingRead(MailboxId directory, Order order) const;
  bool isRecent(const Directory& directory) const {
    return directory.read && uses_ - directory.used < kRecent;
  }
  // The walk beyond one that comes to its end, made if need be.
  void walkInto(MailboxId directory, const Walk& from, bool to_the_end);
  Walk& walkIn(MailboxId directory, Order order) {
    return directories_.at(directory).walks.at(static_cast<size_t>(order));
  }

  uint64_t largest_window_;
  uint64_t limit_ = kLargestWindow;
  std::map<MailboxId, Directory> directories_;
  uint64_t uses_ = 0;
};

}  // namespace emlfs
