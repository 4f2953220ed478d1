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
    std::vector<store::MessageRecord> messages;  // in the order in which they will be read
    bool to_the_end = false;  // also of large ones; else nobody has read more than their beginnings
  };
  // Somebody reads `message` from its first byte. Gives what is to be fetched before he comes to
  // it.
  Ahead begins(const store::Snapshot& snapshot, const store::MessageRecord& message,
               const Cached& cached);
  // Somebody reads on in a large message.
  void goesOn(MessageId id);

  // Messages up to this size count as read whole, whoever reads their beginning.
  static constexpr uint64_t kLarge = 2 * uint64_t{store::kChunkBytes};

 private:
  // Bytes that are fetched before they are read, or are being fetched.
  static constexpr uint64_t kFirstWindow = 256 << 10;
  static constexpr size_t kMostAtOnce = 1'000;  // messages
  static constexpr size_t kNear = 8;            // so far the next one may be, before it is a walk
  static constexpr int kWalking = 3;            // steps
  static constexpr int kMostSteps = 8;          // that are counted
  static constexpr size_t kMostDirectories = 64;
  static constexpr size_t kFarthest = 16;  // directories beyond the one that is read
  static constexpr size_t kRemembered = 64;

  enum class Order { up, down, name };
  struct Coming {
    MessageId id;
    uint64_t bytes = 0;  // that were asked for
    bool asked = false;
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
    // One in that directory, which has come to its end; if it begins with the first message.
    std::optional<MailboxId> follows;
    bool in_tree = false;  // it came from the directory before this one

    bool atItsEnd() const { return steps >= kWalking && ended && coming.size() < kNear; }
  };
  struct Directory {
    std::array<Walk, 3> walks;  // by Order
    MessageId last;
    uint64_t used = 0;
    bool read = false;               // else only looked into, beyond another
    std::optional<MessageId> large;  // read last, and not read on yet
    bool to_the_end = false;
  };

  static void step(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                   const store::MessageRecord& message);
  static bool isFirst(const store::Snapshot& snapshot, MailboxId directory, Order order,
                      const store::MessageRecord& message);
  // Until `count` are coming, or there are no more.
  static void look(const store::Snapshot& snapshot, MailboxId directory, Walk& walk, size_t count);
  std::vector<store::MessageRecord> ask(const store::Snapshot& snapshot, MailboxId directory,
                                        Order order, const Cached& cached, bool to_the_end);
  // As many as are within the bytes that are left. False if the walk goes on beyond them.
  static bool take(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                   const Cached& cached, bool to_the_end, uint64_t& left,
                   std::vector<store::MessageRecord>& messages);
  // The next one of the tree with messages, all of them known; absent if there is none.
  static std::optional<MailboxId> beyond(const store::Snapshot& snapshot, MailboxId directory,
                                         Order order);
  // The walk beyond one that comes to its end, made if need be.
  Walk& walkInto(MailboxId directory, const Walk& from, bool to_the_end);
  Directory& directoryOf(MailboxId id);
  void makeRoom();

  uint64_t largest_window_;
  std::map<MailboxId, Directory> directories_;
  uint64_t uses_ = 0;
};

}  // namespace emlfs
