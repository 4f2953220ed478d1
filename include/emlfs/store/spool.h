// New messages that the server doesn't have yet, as plain files in state_dir/spool/ (mode 0600), so
// that a person can get at them without emlfs.
//
// Spool is thread-safe; who writes one file from several threads orders that itself. Errors of the
// system are Error(system), a full disk among them; what a failed write has written is undefined,
// what was there before it is whole.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"
#include "emlfs/mail/ids.h"

namespace emlfs::store {

struct SpoolFile {
  std::string name;
  Fd fd;  // for reading and writing
};

class Spool {
 public:
  // Opens or creates the directory, and removes what an interrupted conversion left.
  explicit Spool(const std::string& state_dir);

  // An empty file, named after the id: "4711.eml", the next of the same id "4711-2.eml". Durable
  // after sync().
  SpoolFile create(MessageId id) const;
  Fd open(const std::string& name) const;                 // for reading and writing; its mark stays
  std::optional<Fd> read(const std::string& name) const;  // absent if there is none
  // The file's mode tells other mounts of this user whether it will be sent as it is now called: it
  // is read-only then, and their deletions wait for it.
  void mark(const std::string& name, bool to_be_sent) const;
  // To be sent, and who wrote it has closed it: what the next mount finds so is whole.
  void markWhole(const std::string& name) const;
  bool isWhole(const std::string& name) const;
  // File and directory entry are on the disk when it returns.
  void sync(int fd) const;
  void rename(const std::string& from, const std::string& to) const;  // durable; never over a file
  void remove(const std::string& name) const;  // fine if it isn't there; not synced
  std::vector<std::string> list() const;       // sorted

  // Makes each bare LF a CRLF, as IMAP requires; a bare CR stays. The file is replaced at once and
  // durably: a crash leaves the old or the new one, and who has the old one open goes on seeing
  // it. Keeps its times and its mark. A file without bare LFs is left alone. Returns its size.
  // Until endConversion() it can be undone, which needs no room on the disk.
  uint64_t convertLineEnds(const std::string& name) const;
  void undoConversion(const std::string& name) const;  // fine if there was none
  void endConversion(const std::string& name) const;   // what is left of it is removed later

 private:
  std::string path(const std::string& name) const;    // throws Error(invalid) for what is no name
  std::string before(const std::string& name) const;  // where it is kept as it was
  void syncDirectory() const;

  std::string directory_;
  Fd directory_fd_;
};

// A new message of another account of this user, for which deletions wait.
struct Awaited {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::min();

  int64_t since = kAll;  // those that were acknowledged then or later: seconds since 1970
  std::string path;      // its file; or the directory that can't be looked at
  std::string why = {};  // it can't, or nobody knows when the file was written
};

// The spools of this user's other accounts, as far as they lie beside the one of `state_dir`, in
// the same file system. Thread-safe.
class OtherSpools {
 public:
  // `now`: seconds since 1970, as files are dated. time(2) would be a tick behind them.
  explicit OtherSpools(
      const std::string& state_dir, std::function<int64_t()> now = [] {
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        return int64_t{std::chrono::duration_cast<std::chrono::seconds>(since).count()};
      });

  // Of the files that are marked to be sent the one that was written first. Empty ones don't count,
  // nor does what this user may not read. Where something can't be looked at for another reason,
  // all deletions wait; and for a file that was written when the clock showed a later time than it
  // does now, or did at an earlier call: nobody knows what came first.
  // Logs why, when that is another reason than at the last call.
  std::optional<Awaited> oldest();
  std::optional<Awaited> last() const;  // what that gave when it was called last

  // The same files, with all that was written to them by now, are on the disk when it returns: a
  // deletion that is acknowledged after that doesn't outlive them when the power goes. Throws
  // Error(system) where that can't be said.
  void sync();

 private:
  struct File {
    int spool;  // its directory
    const std::string& name;
    std::string path;
  };
  using Look = std::function<void(const File&, const struct stat&)>;
  struct Stamp {  // changes with every write
    uint64_t inode = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };

  // At each file that is marked to be sent and isn't empty. Throws Error(system).
  void look(const Look& each) const;
  std::optional<Awaited> find() REQUIRES(mutex_);

  const std::string directory_;  // in which the accounts are
  const std::string ours_;
  const std::function<int64_t()> now_;
  mutable Mutex mutex_;
  std::optional<Awaited> last_ GUARDED_BY(mutex_);
  std::set<std::string> from_future_ GUARDED_BY(mutex_);  // paths
  std::map<std::string, Stamp> synced_ GUARDED_BY(mutex_);
};

void writeAt(int fd, std::string_view bytes, uint64_t offset);  // all of them
size_t readAt(int fd, std::span<char> into, uint64_t offset);   // less only at the file's end
void truncate(int fd, uint64_t size);
uint64_t fileSize(int fd);
int64_t lastWrite(int fd);  // seconds since 1970
void setLastWrite(int fd, int64_t seconds);

// Whether a message (RFC 5322) can begin with these bytes, and so with a header field's name. An
// mbox, with its "From " line, is not a message. `undecided`: these are too few to tell; a whole
// file for which that is the answer is none.
enum class Beginning { yes, no, undecided };
Beginning canBeginMessage(std::string_view bytes);

}  // namespace emlfs::store
