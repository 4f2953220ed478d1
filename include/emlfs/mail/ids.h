// Identities. A local id is given once and never used again: it is the FUSE node id and the key of
// the store. Mailbox and UID are attributes that change when a message moves.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string_view>

namespace emlfs {

using Uid = uint32_t;          // RFC 9051 section 2.3.1.1; 0 is no UID
using UidValidity = uint32_t;  // 0: the server has not said
using ModSeq = uint64_t;       // RFC 7162; 0: none

// Bit 62 of a node id says directory, so that the kind is known without a look-up.
constexpr uint64_t kDirectoryBit = uint64_t{1} << 62;
constexpr uint64_t kRootNode = 1;      // FUSE_ROOT_ID
constexpr uint64_t kFirstLocalId = 2;  // smaller ones are FUSE's

struct MailboxId {
  uint64_t value = 0;
  auto operator<=>(const MailboxId&) const = default;
};

struct MessageId {
  uint64_t value = 0;
  auto operator<=>(const MessageId&) const = default;
};

// The root of the tree: a directory that is no mailbox.
constexpr MailboxId kRoot{kRootNode};

constexpr bool isDirectory(uint64_t node) {
  return node == kRootNode || (node & kDirectoryBit) != 0;
}

// st_ino of a message first seen on the server: the same on every mount and machine. `mailbox` is
// the name as the server writes it. Within a mailbox in the order of the UIDs: tools that read
// files in the order of their inodes (tar, grep -r) ask for what read-ahead fetches. Never 0 or 1.
uint64_t messageInode(std::string_view mailbox, UidValidity validity, Uid uid);
uint64_t mailboxInode(std::string_view path);
uint64_t localInode(MessageId id);  // of a message that began here

}  // namespace emlfs

template <>
struct std::hash<emlfs::MailboxId> {
  size_t operator()(emlfs::MailboxId id) const noexcept { return std::hash<uint64_t>{}(id.value); }
};
template <>
struct std::hash<emlfs::MessageId> {
  size_t operator()(emlfs::MessageId id) const noexcept { return std::hash<uint64_t>{}(id.value); }
};
