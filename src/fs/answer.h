// The end of an operation that changes something: its answer, or the errno of what it threw. With
// the option `sync` it is given only when the server has the change, and says what the server said;
// no thread waits for that, and the user can interrupt it.
#pragma once

#include <cerrno>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/base/log.h"
#include "fs/closings.h"
#include "fs/context.h"
#include "fs/errno.h"

namespace emlfs::fs {

// A name that the operation is about, or, if that is empty, the directory.
struct Touched {
  MailboxId directory;
  std::string name;
};

using Reply = std::function<void(fuse_req_t)>;

// The kernel holds the locks of these directories, or of what is in them, until it has its answer:
// it is told of changes there only after release().
void hold(Invalidator& invalidator, const std::vector<Touched>& touched);
void release(Invalidator& invalidator, const std::vector<Touched>& touched);

// Answers with `reply`, or with the error that kept what was changed after `since` from being sent,
// and releases `touched`: names that are perhaps no longer what the kernel then takes them for.
void answerWhenSent(fuse_req_t request, std::optional<uint64_t> since, Reply reply,
                    std::vector<Touched> touched);

uint64_t latestChange(fuse_req_t request);

// Gives fsync of a directory: 0 when the server has everything.
void answerWhenFlushed(fuse_req_t request);

// What programs have closed before is known to Changes from now on: it comes before what follows.
inline void hearClosings(Context& context) {
  if (context.closings != nullptr) context.closings->drain();
}

// `act` is given the Context, and returns the Reply; it must not answer itself.
template <class Act>
void answer(fuse_req_t request, std::vector<Touched> touched, const Act& act) {
  Invalidator& invalidator = *contextOf(request).invalidator;
  const bool sync = contextOf(request).options.sync;
  const uint64_t since = sync ? latestChange(request) : 0;
  if (sync) hold(invalidator, touched);  // before what `act` has the kernel told
  int result = EIO;
  Reply reply;
  try {
    reply = act(contextOf(request));
    result = 0;
  } catch (const Error& error) {
    result = toErrno(error);
    log::debug("refused: {}", error.what());
  } catch (const std::exception& error) {
    log::error("a change failed: {}", error.what());
  }
  if (result == 0 && sync)
    return answerWhenSent(request, since, std::move(reply), std::move(touched));
  if (result != 0)
    fuse_reply_err(request, result);
  else
    reply(request);
  if (sync) release(invalidator, touched);
}

// Where there is nothing to say but 0.
template <class Act>
void answerDone(fuse_req_t request, std::vector<Touched> touched, const Act& act) {
  answer(request, std::move(touched), [&](Context& context) {
    act(context);
    return [](fuse_req_t done) { fuse_reply_err(done, 0); };
  });
}

}  // namespace emlfs::fs
