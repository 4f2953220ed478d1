#include "fs/errno.h"

#include <cerrno>

namespace emlfs::fs {
namespace {

// What a person can do something about. All else of the machine's is EIO: it says nothing of the
// file.
bool roomError(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EROFS ||
         error_number == EFBIG;
}

}  // namespace

int toErrno(const Error& error) {
  switch (error.code) {
    case Code::network:
      return ENETUNREACH;
    case Code::tls:
      return ENETUNREACH;
    case Code::timeout:
      return ETIMEDOUT;
    case Code::cancelled:
      return error.scope == Scope::message ? EINTR : ENETUNREACH;
    case Code::auth:
    case Code::denied:
      return EACCES;
    case Code::quota:
      return EDQUOT;
    case Code::exists:
      return EEXIST;
    case Code::not_found:
      return ENOENT;
    case Code::stale:
      return ESTALE;
    case Code::busy:
      return EBUSY;
    case Code::invalid:
      return EINVAL;
    case Code::limit:
      return error.scope == Scope::message ? EFBIG : EIO;
    case Code::not_permitted:
      return EPERM;
    case Code::not_empty:
      return ENOTEMPTY;
    case Code::system:
      return roomError(error.error_number) ? error.error_number : EIO;
    case Code::refused:
    case Code::protocol:
    case Code::damaged:
    case Code::size_changed:
      return EIO;
  }
  return EIO;
}

}  // namespace emlfs::fs
