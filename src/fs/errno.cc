#include "fs/errno.h"

#include <cerrno>

namespace emlfs::fs {

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
      return EACCES;
    case Code::not_found:
      return ENOENT;
    case Code::stale:
      return ESTALE;
    case Code::busy:
      return EBUSY;
    case Code::invalid:
      return EINVAL;
    case Code::refused:
    case Code::protocol:
    case Code::limit:
    case Code::damaged:
    case Code::size_changed:
    case Code::system:
      return EIO;
  }
  return EIO;
}

}  // namespace emlfs::fs
