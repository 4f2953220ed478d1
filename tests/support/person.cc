#include "support/person.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

constexpr const char* kFlags = "user.imap.flags";

void check(bool good, const std::string& what) {
  if (!good) throw CallFailed(what, errno);
}

}  // namespace

CallFailed::CallFailed(const std::string& what, int the_error)
    : std::runtime_error(systemError(what, the_error).what()), error(the_error) {}

std::vector<std::string> Person::names(const std::string& mailbox) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory(mailbox).c_str()), &closedir);
  check(open != nullptr, "opening " + mailbox);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    check(entry != nullptr || errno == 0, "listing " + mailbox);
    if (entry == nullptr) return names;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
}

std::string Person::find(const std::string& mailbox, const std::string& message) const {
  const auto all = names(mailbox);
  const auto found = std::find_if(all.begin(), all.end(), [&](const std::string& name) {
    return name.find(message) != name.npos;
  });
  if (found == all.end())
    throw CallFailed(
        fmt::format("{} is not in {}, where {} files are", message, mailbox, all.size()), ENOENT);
  return directory(mailbox) + "/" + *found;
}

void Person::move(const std::string& message, const std::string& from, const std::string& to,
                  const std::string& name) const {
  const std::string path = find(from, message);
  const std::string target =
      directory(to) + "/" + (name.empty() ? std::filesystem::path(path).filename().string() : name);
  check(::rename(path.c_str(), target.c_str()) == 0, "renaming " + path + " to " + target);
}

void Person::remove(const std::string& message, const std::string& mailbox) const {
  const std::string path = find(mailbox, message);
  check(::unlink(path.c_str()) == 0, "removing " + path);
}

void Person::changeFlags(const std::string& message, const std::string& mailbox,
                         const std::string& changes) const {
  const std::string path = find(mailbox, message);
  check(::setxattr(path.c_str(), kFlags, changes.data(), changes.size(), 0) == 0,
        "flags of " + path);
}

std::string Person::flags(const std::string& path) const {
  std::array<char, 4096> value;
  const ssize_t size = ::getxattr(path.c_str(), kFlags, value.data(), value.size());
  check(size >= 0, "flags of " + path);
  return {value.data(), static_cast<size_t>(size)};
}

void Person::write(const std::string& mailbox, const std::string& name, std::string_view bytes,
                   int64_t date) const {
  const std::string path = directory(mailbox) + "/" + name;
  const std::shared_lock ours(heldOpen());
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  check(static_cast<bool>(file), "creating " + path);
  while (!bytes.empty()) {
    const ssize_t some =
        ::write(file.get(), bytes.data(), std::min<size_t>(bytes.size(), size_t{64} << 10));
    check(some > 0, "writing " + path);
    bytes.remove_prefix(static_cast<size_t>(some));
  }
  if (date >= 0) {
    const std::array<timespec, 2> times{timespec{date, 0}, timespec{date, 0}};
    check(::futimens(file.get(), times.data()) == 0, "dating " + path);
  }
  check(::close(file.release()) == 0, "closing " + path);
}

void Person::rename(const std::string& from, const std::string& to) const {
  check(::rename(directory(from).c_str(), directory(to).c_str()) == 0,
        "renaming " + from + " to " + to);
}

void Person::makeDirectory(const std::string& path) const {
  check(::mkdir(directory(path).c_str(), 0700) == 0, "making " + path);
}

void Person::removeDirectory(const std::string& path) const {
  check(::rmdir(directory(path).c_str()) == 0, "removing " + path);
}

void Person::flush() const {
  const Fd root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(static_cast<bool>(root), "opening " + root_);
  check(::fsync(root.get()) == 0, "flushing " + root_);
}

}  // namespace emlfs::test
