#include "store/environment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/base/log.h"

namespace emlfs::store {
namespace {

constexpr unsigned kMaxReaders = 1024;
constexpr unsigned kMaxTables = 16;

// LMDB says EIO of a write that was cut short, whatever the reason. The kernel says it when it is
// asked for room again; that overwrites nothing, whoever writes now.
int whyCutShort(MDB_env* env) {
  constexpr off_t kRoom = 1 << 20;
  int fd = -1;
  struct stat file{};
  if (mdb_env_get_fd(env, &fd) != MDB_SUCCESS || ::fstat(fd, &file) != 0) return EIO;
  if (::fallocate(fd, 0, file.st_size, kRoom) == 0) return EIO;
  return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? errno : EIO;
}

}  // namespace

void condemn(MDB_env* env, const char* reason) noexcept {
  const auto* mark = static_cast<const std::string*>(mdb_env_get_userctx(env));
  if (mark->empty()) return;
  Fd fd(::open(mark->c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd) return;  // it is marked already, or the error that follows is all that can be said
  try {
    log::error("a store is damaged, {} marks it: {}", *mark, reason);
  } catch (...) {
    return;  // the mark is what counts
  }
}

Environment::Environment(const std::string& path, unsigned flags, size_t map_bytes, OnDamage then)
    : condemned_path_(then == OnDamage::condemn ? condemnedPath(path) : "") {
  MDB_env* env = nullptr;
  check(mdb_env_create(&env), "opening a store");
  env_.reset(env);
  check(mdb_env_set_userctx(env, &condemned_path_), "opening a store");
  // LMDB aborts the process after this: damage shall crash us once, and not again and again.
  check(mdb_env_set_assert(env, condemn), "opening a store");
  check(mdb_env_set_maxreaders(env, kMaxReaders), "setting the number of readers");
  check(mdb_env_set_maxdbs(env, kMaxTables), "setting the number of tables");
  check(mdb_env_set_mapsize(env, map_bytes), "setting the size of the map");
  int code = mdb_env_open(env, path.c_str(), flags | MDB_NOSUBDIR | MDB_NOTLS, 0600);
  if (code == ENOMEM) fail(code, "mapping " + path + " (is the address space limited, ulimit -v?)");
  if (code != MDB_SUCCESS) fail(code, "opening " + path);
  int dead = 0;  // slots of killed processes would keep old pages from being reused
  check(mdb_reader_check(env, &dead), "looking for readers that died");
}

WriteTransaction::WriteTransaction(MDB_env* env, Sync sync) {
  check(mdb_txn_begin(env, nullptr, 0, &txn_), "beginning a change of the store");
  // LMDB 0.9.24 takes this flag from the environment alone. Commits read it, one at a time, and
  // each is told by its own transaction what it is to be.
  mdb_env_set_flags(env, MDB_NOSYNC, sync == Sync::later ? 1 : 0);
}

WriteTransaction::~WriteTransaction() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

void WriteTransaction::commit() {
  MDB_env* const env = mdb_txn_env(txn_);
  // Gone afterwards in every case.
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  check(code == EIO ? whyCutShort(env) : code, "writing to the store");
}

Readers::Readers(MDB_env* env) : env_(env) {
  free_.reserve(kMaxReaders);  // so that giveBack() can't fail
}

Readers::~Readers() {
  for (MDB_txn* txn : free_) mdb_txn_abort(txn);
}

MDB_txn* Readers::take() {
  MDB_txn* txn = nullptr;
  {
    MutexLock lock(mutex_);
    if (!free_.empty()) {
      txn = free_.back();
      free_.pop_back();
    }
  }
  if (txn == nullptr) {
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "reading the store");
  } else if (int code = mdb_txn_renew(txn); code != MDB_SUCCESS) {
    mdb_txn_abort(txn);
    fail(code, "reading the store");
  }
  return txn;
}

void Readers::giveBack(MDB_txn* txn) noexcept {
  mdb_txn_reset(txn);
  MutexLock lock(mutex_);
  free_.push_back(txn);
}

}  // namespace emlfs::store
