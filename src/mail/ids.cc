#include "emlfs/mail/ids.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "emlfs/base/bytes.h"

namespace emlfs {
namespace {

// XXH3's result is fixed since version 0.8, so it is the same on every machine. The top bit stays
// clear: some tools read inode numbers as signed.
uint64_t inode(const std::string& text) {
  const uint64_t hash = XXH3_64bits(text.data(), text.size()) & ~(uint64_t{1} << 63);
  return std::max(hash, kFirstLocalId);
}

}  // namespace

uint64_t messageInode(std::string_view mailbox, UidValidity validity, Uid uid) {
  std::string text("message");
  putString(text, mailbox);
  putU32(text, validity);
  // Never 0: below are the numbers of FUSE.
  const uint64_t high = std::max<uint64_t>(inode(text) >> 32, 1);
  return high << 32 | uid;
}

uint64_t localInode(MessageId id) {
  std::string text("local");
  putU64(text, id.value);
  return inode(text);
}

uint64_t mailboxInode(std::string_view path) {
  std::string text("mailbox");
  putString(text, path);
  return inode(text);
}

}  // namespace emlfs
