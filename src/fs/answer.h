// The end of an operation that changes something: 0, or the errno of what it threw.
#pragma once

#include <cerrno>
#include <exception>

#include "emlfs/base/log.h"
#include "fs/context.h"
#include "fs/errno.h"

namespace emlfs::fs {

// `act` is given the Context, and must not answer itself.
template <class Act>
void answerDone(fuse_req_t request, const Act& act) {
  int result = EIO;
  try {
    act(contextOf(request));
    result = 0;
  } catch (const Error& error) {
    result = toErrno(error);
    log::debug("refused: {}", error.what());
  } catch (const std::exception& error) {
    log::error("a change failed: {}", error.what());
  }
  fuse_reply_err(request, result);
}

}  // namespace emlfs::fs
