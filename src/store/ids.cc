#include "emlfs/store/ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/mutex.h"
#include "emlfs/mail/ids.h"
#include "store/environment.h"
#include "store/records.h"
#include "store/value.h"

namespace emlfs::store {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr size_t kMapBytes = size_t{1} << 20;
constexpr unsigned kFullSync = 0;
constexpr std::string_view kNextKey = "next";

// LMDB syncs its files, but not the directory entry of a new one.
void syncDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw systemError("syncing " + path, errno);
}

class IdSourceImpl final : public IdSource {
 public:
  explicit IdSourceImpl(const std::string& directory)
      : environment_(directory + "/ids.mdb", kFullSync, kMapBytes) {
    WriteTransaction txn(environment_.get());
    table_ = openTable(txn.get(), "ids", 1);
    txn.commit();
    syncDirectory(directory);
  }

  uint64_t next() override {
    MutexLock lock(mutex_);
    if (next_ < floor_) next_ = std::min(floor_, end_);
    if (next_ == end_) reserve();
    return next_++;
  }

  void raiseAbove(uint64_t id) override {
    MutexLock lock(mutex_);
    floor_ = std::max(floor_, id + 1);
  }

 private:
  void reserve() REQUIRES(mutex_) {
    WriteTransaction txn(environment_.get());
    auto stored = get(txn.get(), table_, kNextKey);
    uint64_t first = std::max(floor_, stored ? decodeId(*stored) : kFirstLocalId);
    if (first >= kDirectoryBit - kBlock)
      throw Error(Code::damaged, Scope::account, "the counter of local ids is beyond its range");
    put(txn.get(), table_, kNextKey, encodeId(first + kBlock));
    txn.commit();
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
};

}  // namespace

std::unique_ptr<IdSource> IdSource::open(const std::string& directory) {
  makePrivateDirectory(directory);
  return std::make_unique<IdSourceImpl>(directory);
}

}  // namespace emlfs::store
