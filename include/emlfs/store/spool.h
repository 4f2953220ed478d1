// New messages that the server doesn't have yet, as plain files in state_dir/spool/ (mode 0600), so
// that a person can get at them without emlfs.
//
// Spool is thread-safe; who writes one file from several threads orders that itself. Errors of the
// system are Error(system), a full disk among them; what a failed write has written is undefined,
// what was there before it is whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/file.h"
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

// When the oldest of the files that are marked so in the other spools of this user, beside the one
// in `state_dir`, was last written, or before that: seconds since 1970. Empty files don't count,
// and a directory that can't be read has none.
std::optional<int64_t> oldestToBeSent(const std::string& state_dir);

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
