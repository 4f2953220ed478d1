// The end of an operation that changes something: 0, or the errno of what it threw.
#pragma once

#include <cerrno>
#include <exception>

#include "emlfs/base/log.h"
#include "fs/context.h"
#include "fs/errno.h"

namespace emlfs::fs {

// `act` is given the Context, and answers as its last doing, unless it throws.
template <class Act>
void answer(fuse_req_t request, const Act& act) {
  int result = EIO;
  try {
    act(contextOf(request));
    return;
  } catch (const Error& error) {
    result = toErrno(error);
    log::debug("refused: {}", error.what());
  } catch (const std::exception& error) {
    log::error("a change failed: {}", error.what());
  }
  fuse_reply_err(request, result);
}

// Where there is nothing to say but 0: `act` must not answer itself.
template <class Act>
void answerDone(fuse_req_t request, const Act& act) {
  answer(request, [&](Context& context) {
    act(context);
    fuse_reply_err(request, 0);
  });
}

}  // namespace emlfs::fs
