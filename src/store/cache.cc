#include "emlfs/store/cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "store/aside.h"
#include "store/crash_mark.h"
#include "store/eviction.h"
#include "store/probe.h"
#include "store/reads.h"
#include "store/size.h"
#include "store/tables.h"
#include "store/turns.h"
#include "store/update.h"
#include "store/use_log.h"

namespace emlfs::store {
namespace {

class SnapshotImpl final : public Reads<Snapshot> {
 public:
  SnapshotImpl(Readers& readers, const Tables& tables) : Reads(tables), txn_(readers) {}

 private:
  MDB_txn* txn() const override { return txn_.get(); }

  ReadTransaction txn_;
};

// An environment with the tables of our format in it.
struct Opened {
  std::unique_ptr<Environment> environment;
  Tables tables;
  std::string notice = {};
};

class CacheImpl final : public Cache {
 public:
  CacheImpl(Opened opened, const std::string& path, Milliseconds use_grain)
      : environment_(std::move(opened.environment)),
        tables_(opened.tables),
        notice_(std::move(opened.notice)),
        readers_(environment_->get()),
        use_grain_(use_grain),
        crash_mark_(Environment::condemnedPath(path)) {}

  ~CacheImpl() override {
    try {
      CacheImpl::sync();
    } catch (const std::exception& error) {
      log::warning("what was changed last may be lost from the cache: {}", error.what());
    }
  }

  std::string notice() const override { return notice_; }
  std::unique_ptr<Snapshot> snapshot() const override {
    return std::make_unique<SnapshotImpl>(readers_, tables_);
  }
  std::unique_ptr<Update> begin(Durability durability) override;
  void sync() override;
  CacheSize size() const override;
  void used(MessageId id) override { uses_.add(id); }
  void noteUses() override;
  uint64_t evict(uint64_t bytes, const std::function<bool()>& go_on) override;
  uint64_t highestId() const override;

 private:
  std::unique_ptr<Environment> environment_;
  const Tables tables_;
  const std::string notice_;
  mutable Readers readers_;
  const Milliseconds use_grain_;
  const CrashMark crash_mark_;
  UseLog uses_;
  Turns turns_;
  std::atomic<bool> unsynced_{false};
};

Opened openEmptied(const std::string& path) {
  removeFile(path);
  removeFile(path + "-lock");
  auto environment = std::make_unique<Environment>(path, kCacheFlags, kCacheMapBytes);
  auto tables = openTables(environment->get());
  if (!tables) throw Error(Code::damaged, Scope::account, path + " is changed by another program");
  return {std::move(environment), *tables};
}

// Of a file that was found to be sound.
Opened openFile(const std::string& path) {
  auto environment = std::make_unique<Environment>(path, kCacheFlags, kCacheMapBytes);
  if (auto tables = openTables(environment->get())) return {std::move(environment), *tables};
  log::warning("the cache {} was written by an earlier emlfs and is made anew", path);
  environment.reset();
  return openEmptied(path);
}

Opened openChecked(const std::string& path) {
  std::string damage = "that was seen in an earlier run";
  if (::access(Environment::condemnedPath(path).c_str(), F_OK) != 0) damage = probe(path);
  if (damage.empty()) return openFile(path);
  putAside(path);
  Opened opened = openEmptied(path);
  opened.notice = fmt::format(
      "the cache was damaged ({}): it is put aside as {}.damaged, and made anew", damage, path);
  log::warning("{}", opened.notice);
  return opened;
}

std::unique_ptr<Update> CacheImpl::begin(Durability durability) {
  const Turns::Waiting waiting(turns_);
  if (durability == Durability::soon) unsynced_ = true;
  return beginUpdate(environment_->get(), tables_, durability);
}

void CacheImpl::sync() {
  if (!unsynced_.exchange(false)) return;
  constexpr int kForce = 1;
  const int code = mdb_env_sync(environment_->get(), kForce);
  if (code != MDB_SUCCESS) unsynced_ = true;
  check(code, "writing the store to the disk");
}

void CacheImpl::noteUses() {
  const auto grain = std::chrono::duration_cast<std::chrono::microseconds>(use_grain_);
  stampUses(readers_, environment_->get(), tables_, uses_.take(), nowStamp(),
            static_cast<uint64_t>(grain.count()));
}

uint64_t CacheImpl::evict(uint64_t bytes, const std::function<bool()>& go_on) {
  noteUses();
  int dead = 0;  // readers of a killed `emlfs cache` would keep what is freed from being reused
  check(mdb_reader_check(environment_->get(), &dead), "looking for readers that died");
  return evictBodies(readers_, environment_->get(), tables_, bytes, [&] {
    turns_.letOthers();
    return go_on();
  });
}

CacheSize CacheImpl::size() const {
  ReadTransaction txn(readers_);
  return sizeOf(environment_->get(), txn.get(), tables_);
}

uint64_t CacheImpl::highestId() const {
  return readTotals(ReadTransaction(readers_).get(), tables_).highest_id;
}

}  // namespace

std::unique_ptr<Cache> Cache::open(const std::string& directory, Milliseconds use_grain) {
  makePrivateDirectory(directory);
  std::string path = cachePath(directory);
  return std::make_unique<CacheImpl>(openChecked(path), path, use_grain);
}

}  // namespace emlfs::store
