// What a mount shows and what the server stores, so that a test can compare the two.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/dovecot.h"

namespace emlfs::test {

std::string sha256(std::string_view bytes);  // hexadecimal

struct Entry {
  bool directory = false;
  uint64_t inode = 0;
  // Of messages:
  uint64_t size = 0;  // as stat has it
  int64_t mtime = 0;
  std::string sha256;  // of what was read
  std::string flags;   // user.imap.flags
  bool operator==(const Entry&) const = default;
};

// By the path below the mount point.
using Tree = std::map<std::string, Entry>;

// Reads everything. Throws Error or std::exception if anything can't be read, or if a message has
// more or fewer bytes than stat says.
// `each` is given the bytes of every message.
Tree readTree(const std::string& mount_point,
              const std::function<void(const std::string& path, const Entry& entry,
                                       std::string_view bytes)>& each = {});

// One line for each entry that isn't the same; empty for equal trees.
std::string difference(const Tree& expected, const Tree& actual);

// A message without the name that it goes by.
struct Content {
  std::string sha256;
  uint64_t size = 0;
  int64_t mtime = 0;
  auto operator<=>(const Content&) const = default;
};
void PrintTo(const Content& content, std::ostream* out);

// By mailbox, sorted. A mailbox without messages is there, too.
using Mail = std::map<std::string, std::vector<Content>>;

Mail mailOf(const Tree& tree);

// From the Maildir on disk, not over IMAP, without what is \Deleted. Mailboxes are called as the
// server calls them, in UTF-8.
Mail mailOf(const Dovecot& server);

// Options for a Dovecot that stores the bytes it is given, so that its files are what it serves.
extern const std::vector<std::string> kKeepBytes;

// A message of about `size` bytes, no two lines of which are alike; another `seed`, other bytes.
std::string makeMessage(const std::string& subject, size_t size, uint64_t seed);

// Names in a directory, sorted, without "." and "..". Throws std::filesystem::filesystem_error.
std::vector<std::string> namesIn(const std::string& directory);

}  // namespace emlfs::test
