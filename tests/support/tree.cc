#include "support/tree.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <ostream>
#include <random>
#include <sstream>
#include <stdexcept>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

std::string attribute(const std::string& path, const char* name) {
  std::array<char, 4096> value;
  const ssize_t size = ::getxattr(path.c_str(), name, value.data(), value.size());
  if (size < 0) throw systemError(std::string(name) + " of " + path, errno);
  return {value.data(), static_cast<size_t>(size)};
}

struct stat statusOf(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) throw systemError(path, errno);
  return st;
}

Entry readEntry(const std::string& path, std::string& bytes) {
  const struct stat st = statusOf(path);
  Entry entry;
  entry.inode = st.st_ino;
  entry.directory = S_ISDIR(st.st_mode);
  if (entry.directory) return entry;
  bytes = readFile(path);
  entry.size = static_cast<uint64_t>(st.st_size);
  if (bytes.size() != entry.size)
    throw std::runtime_error(
        fmt::format("{}: stat says {} bytes, {} could be read", path, entry.size, bytes.size()));
  entry.mtime = st.st_mtim.tv_sec;
  entry.sha256 = sha256(bytes);
  entry.flags = attribute(path, "user.imap.flags");
  return entry;
}

std::string text(const Entry& entry) {
  if (entry.directory) return fmt::format("directory, inode {:x}", entry.inode);
  return fmt::format("inode {:x}, {} bytes, mtime {}, {}, flags {}", entry.inode, entry.size,
                     entry.mtime, entry.sha256.substr(0, 12), entry.flags);
}

}  // namespace

const std::vector<std::string> kKeepBytes{"--set", "mail_save_crlf = yes"};

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 failed");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest.at(i));
  return hex;
}

Tree readTree(const std::string& mount_point,
              const std::function<void(const std::string& path, const Entry& entry,
                                       std::string_view bytes)>& each) {
  Tree tree;
  for (const auto& found : fs::recursive_directory_iterator(mount_point)) {
    const std::string& path = found.path();
    std::string bytes;
    const auto [at, is_new] =
        tree.emplace(path.substr(mount_point.size() + 1), readEntry(path, bytes));
    if (!is_new) throw std::runtime_error(path + " is there twice");
    if (each && !at->second.directory) each(at->first, at->second, bytes);
  }
  return tree;
}

std::string difference(const Tree& expected, const Tree& actual) {
  std::string lines;
  for (const auto& [path, entry] : expected) {
    const auto other = actual.find(path);
    if (other == actual.end())
      lines += fmt::format("missing: {} ({})\n", path, text(entry));
    else if (other->second != entry)
      lines += fmt::format("{}:\n  expected {}\n  actual   {}\n", path, text(entry),
                           text(other->second));
  }
  for (const auto& [path, entry] : actual)
    if (expected.count(path) == 0) lines += fmt::format("too much: {} ({})\n", path, text(entry));
  return lines;
}

void PrintTo(const Content& content, std::ostream* out) {
  *out << fmt::format("({} {} bytes {})", content.sha256.substr(0, 8), content.size, content.mtime);
}

Mail mailOf(const Tree& tree) {
  Mail mail;
  for (const auto& [path, entry] : tree) {
    if (entry.directory)
      mail[path];
    else
      mail[fs::path(path).parent_path()].push_back({entry.sha256, entry.size, entry.mtime});
  }
  for (auto& [mailbox, messages] : mail) std::sort(messages.begin(), messages.end());
  return mail;
}

namespace {

// A Maildir's file of a message with \Deleted, which a mount doesn't show.
bool isDeleted(const std::string& file) {
  const size_t flags = file.rfind(":2,");
  return flags != file.npos && file.find('T', flags) != file.npos;
}

}  // namespace

Mail mailOf(const Dovecot& server) {
  Mail mail;
  std::istringstream mailboxes(server.doveadm({"mailbox", "list"}));
  for (std::string mailbox; std::getline(mailboxes, mailbox);) {
    auto& messages = mail[mailbox];
    std::string directory = server.doveadm({"mailbox", "path", "-t", "mailbox", mailbox});
    while (!directory.empty() && directory.back() == '\n') directory.pop_back();
    for (const char* part : {"/cur", "/new"}) {
      if (!fs::exists(directory + part)) continue;  // \Noselect
      for (const auto& file : fs::directory_iterator(directory + part)) {
        if (isDeleted(file.path().filename())) continue;
        const std::string bytes = readFile(file.path());
        messages.push_back({sha256(bytes), bytes.size(), statusOf(file.path()).st_mtim.tv_sec});
      }
    }
    std::sort(messages.begin(), messages.end());
  }
  return mail;
}

std::string makeMessage(const std::string& subject, size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string message = fmt::format(
      "From: Test <test@example.org>\r\nTo: tester@example.org\r\nSubject: {}\r\n"
      "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{:016x}@example.org>\r\n\r\n",
      subject, random());
  message.reserve(size + 64);
  while (message.size() < size)
    message += fmt::format("{:010} {:016x}{:016x}{:016x}\r\n", message.size(), random(), random(),
                           random());
  return message;
}

std::vector<std::string> namesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& found : fs::directory_iterator(directory))
    names.push_back(found.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace emlfs::test
