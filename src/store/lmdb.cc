#include "store/lmdb.h"

#include <cerrno>

#include "emlfs/base/error.h"

namespace emlfs::store {
namespace {

Code classify(int code) {
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PAGE_FULL:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_BAD_DBI:
    case MDB_INCOMPATIBLE:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
      return Code::damaged;
    case MDB_BAD_VALSIZE:
      return Code::invalid;
    default:
      return Code::system;
  }
}

}  // namespace

void fail(int code, const std::string& doing) {
  // LMDB reports a write that a full disk cut short as EIO.
  if (code == EIO) throw systemError(doing + " (is the disk full?)", code);
  if (code > 0) throw systemError(doing, code);
  throw Error(classify(code), Scope::account, doing + ": " + mdb_strerror(code));
}

}  // namespace emlfs::store
