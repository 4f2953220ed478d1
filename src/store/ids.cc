#include "emlfs/store/ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "emlfs/base/mutex.h"
#include "emlfs/mail/ids.h"
#include "store/aside.h"
#include "store/environment.h"
#include "store/pages.h"
#include "store/records.h"
#include "store/value.h"

namespace emlfs::store {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr size_t kMapBytes = size_t{1} << 20;
constexpr unsigned kFullSync = 0;
constexpr std::string_view kNextKey = "next";
constexpr std::string_view kLostKey = "lost";

// Where to go on when the counter is lost, and the cache, which knows the highest id that it was
// given, may be so too: a bad disk takes both. The clock is what is left. Each second since 1970
// owns 2^28 ids; nobody gives as many, so none of an earlier second, and none of a counter that was
// never lost, reaches as far. That lasts until the year 2500.
uint64_t afterLoss() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count()) << 28;
}

// In case that clock is wrong: above the cache's highest, by more than can have been given and not
// come into the cache (a thousand a second for thirty years).
constexpr uint64_t kJump = uint64_t{1} << 40;

// LMDB syncs its files, but not the directory entry of a new one.
void syncDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw systemError("syncing " + path, errno);
}

std::string idsPath(const std::string& directory) {
  return directory + "/ids.mdb";
}

// Small: its pages are checked here and not in a child process.
Environment checked(const std::string& path) {
  if (::access(Environment::condemnedPath(path).c_str(), F_OK) == 0)
    throw Error(Code::damaged, Scope::account, "that was seen in an earlier run");
  checkClosedFile(path, kMapBytes);
  return {path, kFullSync, kMapBytes};
}

class IdSourceImpl final : public IdSource {
 public:
  // Throws Error(damaged), having changed nothing.
  explicit IdSourceImpl(const std::string& directory) : environment_(checked(idsPath(directory))) {
    WriteTransaction txn(environment_.get());
    table_ = openTable(txn.get(), "ids", 1, MDB_CREATE).value();
    get(txn.get(), table_, kNextKey);  // its checksum
    lost_ = exists(txn.get(), table_, kLostKey);
    txn.commit();
    syncDirectory(directory);
  }

  // In place of a counter that is lost.
  void goOnAfterLoss() {
    MutexLock lock(mutex_);
    WriteTransaction txn(environment_.get());
    put(txn.get(), table_, kLostKey, {});
    put(txn.get(), table_, kNextKey, encodeId(afterLoss()));
    txn.commit();
    lost_ = true;
  }

  uint64_t next() override {
    MutexLock lock(mutex_);
    if (next_ < floor_) next_ = std::min(floor_, end_);
    if (next_ == end_) reserve();
    return next_++;
  }

  void raiseAbove(uint64_t id) override {
    MutexLock lock(mutex_);
    floor_ = std::max(floor_, id + 1 + (lost_ ? kJump : 0));
  }

 private:
  void reserve() REQUIRES(mutex_) {
    WriteTransaction txn(environment_.get());
    auto stored = get(txn.get(), table_, kNextKey);
    uint64_t first = stored ? decodeId(*stored) : kFirstLocalId;
    // One flipped bit in LMDB's header brings back the state before the last, and nothing shows it:
    // a block more may have been given than the counter says.
    if (end_ == 0) first += kBlock;
    first = std::max(floor_, first);
    if (first >= kDirectoryBit - kBlock)
      throw Error(Code::damaged, Scope::account, "the counter of local ids is beyond its range");
    put(txn.get(), table_, kNextKey, encodeId(first + kBlock));
    erase(txn.get(), table_, kLostKey);
    txn.commit();
    lost_ = false;
    next_ = first;
    end_ = first + kBlock;
  }

  Environment environment_;
  Table table_;
  Mutex mutex_;
  // Reserved and not yet given: [next_, end_).
  uint64_t next_ GUARDED_BY(mutex_) = 0;
  uint64_t end_ GUARDED_BY(mutex_) = 0;
  uint64_t floor_ GUARDED_BY(mutex_) = kFirstLocalId;
  bool lost_ GUARDED_BY(mutex_) = false;  // the counter was, and nothing has been given since
};

}  // namespace

std::unique_ptr<IdSource> IdSource::open(const std::string& directory) {
  makePrivateDirectory(directory);
  const auto exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
  const std::string path = idsPath(directory);
  // One that was put aside, and then the machine went down.
  const bool is_lost = !exists(path) && exists(path + ".damaged");
  try {
    auto ids = std::make_unique<IdSourceImpl>(directory);
    if (is_lost) ids->goOnAfterLoss();
    return ids;
  } catch (const Error& error) {
    if (error.code != Code::damaged) throw;
    log::warning("{} is damaged and is made anew: {}", idsPath(directory), error.what());
  }
  putAside(idsPath(directory));
  auto ids = std::make_unique<IdSourceImpl>(directory);
  ids->goOnAfterLoss();
  return ids;
}

}  // namespace emlfs::store
