#include "account/owner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

// A process that dies closes its files one after the other: its mount may be dead, and somebody
// here to mount anew, while it still has the lock. The kernel tells nobody when it lets go.
constexpr Milliseconds kDying{1'000};
constexpr Milliseconds kBetweenTries{20};

std::string pathIn(const std::string& directory) {
  return directory + "/account";
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

void requireOwner(const std::string& directory, const std::string& account) {
  const std::string path = pathIn(directory);
  if (!exists(path)) return;
  const std::string owner = readFile(path);
  if (owner == account) return;
  throw Error(Code::invalid, Scope::account,
              fmt::format("{} belongs to {}: give {} a cache_dir and a state_dir of its own, or "
                          "remove {} if this is the same account under another name",
                          directory, owner, account, path));
}

Fd lockFor(const std::string& directory, const std::string& account) {
  makePrivateDirectory(directory);
  Fd lock;
  for (const Deadline dying = Deadline::after(kDying);
       !(lock = tryLock(directory + "/lock")) && !dying.passed();)
    ::poll(nullptr, 0, static_cast<int>(kBetweenTries.count()));
  if (!lock)
    throw Error(Code::busy, Scope::account,
                directory +
                    " is in use by another emlfs: unmount that first, or choose another "
                    "cache_dir and state_dir");
  requireOwner(directory, account);
  return lock;
}

void noteOwner(const std::string& directory, const std::string& account) {
  const std::string path = pathIn(directory);
  if (exists(path)) return;
  const std::string fresh = path + ".new";
  const Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const auto length = static_cast<ssize_t>(account.size());
  // On a full disk one can still read: the next mount notes it.
  if (!file || ::write(file.get(), account.data(), account.size()) != length ||
      ::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
    log::warning("{}", systemError("writing " + path, errno).what());
}

}  // namespace emlfs
