#include "fs/answer.h"

#include <utility>

#include "emlfs/account/changes.h"
#include "fs/waiting.h"

namespace emlfs::fs {
namespace {

// The journal has the change, and whether the server gets it is not known: the kernel takes it for
// not done, and has to look.
void doubt(Invalidator& invalidator, const std::vector<Touched>& touched) {
  for (const auto& [directory, name] : touched) {
    sync::TreeChange change;
    change.directory = directory;
    change.entries = true;
    if (!name.empty()) change.added.push_back(name);
    change.attributes.push_back(directory.value);
    invalidator.push(change);
  }
}

}  // namespace

void hold(Invalidator& invalidator, const std::vector<Touched>& touched) {
  for (const auto& each : touched) invalidator.hold(each.directory);
}

void release(Invalidator& invalidator, const std::vector<Touched>& touched) {
  for (const auto& each : touched) invalidator.release(each.directory);
}

uint64_t latestChange(fuse_req_t request) {
  return contextOf(request).account.changes()->latest();
}

void answerWhenSent(fuse_req_t request, std::optional<uint64_t> since, Reply reply,
                    std::vector<Touched> touched) {
  auto& context = contextOf(request);
  auto& changes = *context.account.changes();
  auto& invalidator = *context.invalidator;
  const WaitId wait = changes.newFlush();
  cancelWhenInterrupted(request, wait);
  changes.flush(wait, since,
                [request, &invalidator, reply = std::move(reply),
                 touched = std::move(touched)](const std::optional<Error>& error) {
                  if (error)
                    fuse_reply_err(request, toErrno(*error));
                  else
                    reply(request);
                  if (error) doubt(invalidator, touched);
                  release(invalidator, touched);
                });
}

void answerWhenFlushed(fuse_req_t request) {
  answerWhenSent(request, std::nullopt, [](fuse_req_t done) { fuse_reply_err(done, 0); }, {});
}

}  // namespace emlfs::fs
