#include "emlfs/store/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"
#include "store/reads.h"
#include "store/tables.h"
#include "store/update.h"

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
};

class CacheImpl final : public Cache {
 public:
  explicit CacheImpl(Opened opened)
      : environment_(std::move(opened.environment)),
        tables_(opened.tables),
        readers_(environment_->get()) {}

  std::unique_ptr<Snapshot> snapshot() const override {
    return std::make_unique<SnapshotImpl>(readers_, tables_);
  }
  std::unique_ptr<Update> begin() override { return beginUpdate(environment_->get(), tables_); }
  CacheSize size() const override;
  uint64_t highestId() const override;

 private:
  std::unique_ptr<Environment> environment_;
  const Tables tables_;
  mutable Readers readers_;
};

void removeFile(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw systemError("removing " + path, errno);
}

// Keeps one damaged file, for whoever wants to find out why.
void putAside(const std::string& path) {
  std::string aside = path + ".damaged";
  if (::rename(path.c_str(), aside.c_str()) != 0 && errno != ENOENT)
    throw systemError("putting aside " + path, errno);
  removeFile(path + "-lock");
  removeFile(Environment::condemnedPath(path));
}

Opened openEmptied(const std::string& path) {
  removeFile(path);
  removeFile(path + "-lock");
  auto environment = std::make_unique<Environment>(path, kCacheFlags, kCacheMapBytes);
  auto tables = openTables(environment->get());
  if (!tables) throw Error(Code::damaged, Scope::account, path + " is changed by another program");
  return {std::move(environment), *tables};
}

Opened openFile(const std::string& path) {
  if (::access(Environment::condemnedPath(path).c_str(), F_OK) == 0)
    throw Error(Code::damaged, Scope::account, "that was seen in an earlier run");
  auto environment = std::make_unique<Environment>(path, kCacheFlags, kCacheMapBytes);
  if (auto tables = openTables(environment->get())) return {std::move(environment), *tables};
  log::info("the cache {} is of another format and is made anew", path);
  environment.reset();
  return openEmptied(path);
}

CacheSize CacheImpl::size() const {
  ReadTransaction txn(readers_);
  Totals totals = readTotals(txn.get(), tables_);
  mdb_filehandle_t fd = -1;
  struct stat file;
  check(mdb_env_get_fd(environment_->get(), &fd), "looking at the cache's file");
  if (::fstat(fd, &file) != 0) throw systemError("looking at the cache's file", errno);
  return {.bodies = totals.bodies,
          .body_bytes = totals.body_bytes,
          .messages = count(txn.get(), tables_.messages),
          .mailboxes = count(txn.get(), tables_.mailboxes),
          .file_bytes = static_cast<uint64_t>(file.st_blocks) * 512};
}

uint64_t CacheImpl::highestId() const {
  return readTotals(ReadTransaction(readers_).get(), tables_).highest_id;
}

}  // namespace

std::unique_ptr<Cache> Cache::open(const std::string& directory) {
  makePrivateDirectory(directory);
  std::string path = cachePath(directory);
  try {
    return std::make_unique<CacheImpl>(openFile(path));
  } catch (const Error& error) {
    if (error.code != Code::damaged) throw;
    log::warning("the cache {} is damaged and is made anew: {}", path, error.what());
  }
  putAside(path);
  return std::make_unique<CacheImpl>(openEmptied(path));
}

}  // namespace emlfs::store
