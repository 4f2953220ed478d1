// An LMDB environment, its writing transaction, and a pool of its reading ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emlfs/base/mutex.h"
#include "store/lmdb.h"

namespace emlfs::store {

// Leaves a file beside the data file that says it is damaged, see condemnedPath(), unless the
// environment was opened to throw only.
void condemn(MDB_env* env, const char* reason) noexcept;

// One data file and its "-lock" file, mode 0600. A process opens a path once at a time, and never
// forks while it is open: LMDB's locks belong to the process. Thread-safe.
class Environment {
 public:
  enum class OnDamage { condemn, only_throw };
  // `flags` are added to NOSUBDIR and NOTLS. The pages have been checked (pages.h), or the header
  // if only that is read. Throws Error(system or damaged).
  Environment(const std::string& path, unsigned flags, size_t map_bytes,
              OnDamage then = OnDamage::condemn);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  MDB_env* get() const { return env_.get(); }
  // Exists if the data file was found to be damaged while in use.
  static std::string condemnedPath(const std::string& path) { return path + ".condemned"; }

 private:
  struct Close {
    void operator()(MDB_env* env) const { mdb_env_close(env); }
  };

  std::string condemned_path_;
  std::unique_ptr<MDB_env, Close> env_;
};

// The writing transaction: waits for the one before. Belongs to the thread that began it.
class WriteTransaction {
 public:
  enum class Sync { at_commit, later };
  explicit WriteTransaction(MDB_env* env, Sync sync = Sync::at_commit);
  WriteTransaction(const WriteTransaction&) = delete;
  WriteTransaction& operator=(const WriteTransaction&) = delete;
  ~WriteTransaction();

  MDB_txn* get() const { return txn_; }
  void commit();

 private:
  MDB_txn* txn_ = nullptr;
};

// Reading transactions that are reset instead of ended: renewing one takes no lock table slot and
// no malloc. Thread-safe.
class Readers {
 public:
  explicit Readers(MDB_env* env);
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;
  ~Readers();

  MDB_txn* take() EXCLUDES(mutex_);  // throws Error(system) if too many are open
  void giveBack(MDB_txn* txn) noexcept EXCLUDES(mutex_);

 private:
  MDB_env* const env_;
  Mutex mutex_;
  std::vector<MDB_txn*> free_ GUARDED_BY(mutex_);
};

// A reading transaction for its lifetime, out of the pool.
class ReadTransaction {
 public:
  explicit ReadTransaction(Readers& readers) : readers_(readers), txn_(readers.take()) {}
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction() { readers_.giveBack(txn_); }

  MDB_txn* get() const { return txn_; }

 private:
  Readers& readers_;
  MDB_txn* const txn_;
};

}  // namespace emlfs::store
