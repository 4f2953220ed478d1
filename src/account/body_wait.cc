// Who waits for bodies, and what ends it.
#include <algorithm>
#include <utility>

#include "account/body_reader.h"

namespace emlfs {
namespace {

constexpr Milliseconds kSilence{1'000};
constexpr size_t kSilentMax = 1'024;
// A message whose move is not settled is waited for; its sending may have to wait for the server.
constexpr std::chrono::seconds kLongestHeld{60};

Error interruption() {
  return Error(Code::cancelled, Scope::message, "interrupted");
}

}  // namespace

WaitId BodyReader::newRead() {
  const MutexLock lock(mutex_);
  reads_.emplace(++last_read_, false);
  return last_read_;
}

bool BodyReader::cancel(WaitId wait) {
  if ((wait & kReadBit) == 0) return false;
  std::optional<Request> found;
  {
    const MutexLock lock(mutex_);
    const auto read = reads_.find(wait);
    if (read == reads_.end()) return true;  // it has its answer
    read->second = true;
    const auto take = [&](std::vector<Request>& waiting) {
      const auto at = std::ranges::find(waiting, wait, &Request::wait);
      if (at == waiting.end()) return false;
      found = std::move(*at);
      waiting.erase(at);
      return true;
    };
    bool taken = take(held_);
    for (auto at = active_.begin(); !taken && at != active_.end(); ++at)
      taken = take(at->second->waiting);
  }
  if (found) found->done(interruption(), {});
  return true;
}

void BodyReader::requireNotCancelled(WaitId wait) {
  const auto read = reads_.find(wait);
  if (read != reads_.end() && read->second) throw interruption();
}

void BodyReader::requireNotSilent(MessageId id) {
  const auto silence = silent_.find(id);
  if (silence == silent_.end()) return;
  if (Clock::now() < silence->second.until)
    throw Error(Code::timeout, Scope::message, silence->second.text);
  silent_.erase(silence);
}

void BodyReader::finish(const FetchPtr& fetch, const std::optional<Error>& error) {
  std::vector<Request> waiting;
  bool of_old_version = false;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(fetch->ended, true)) return;
    of_old_version = fetch->version != versionOf(fetch->id);
    for (auto at = active_.lower_bound({fetch->id, fetch->first});
         at != active_.end() && at->first.first == fetch->id;)
      at = at->second == fetch ? active_.erase(at) : std::next(at);
    waiting.swap(fetch->waiting);
    if (error) progress_.erase(fetch->id);
    if (error && error->code == Code::timeout && (!fetch->ahead || !waiting.empty())) {
      if (silent_.size() > kSilentMax) silent_.clear();
      silent_[fetch->id] = {Clock::now() + kSilence, error->what()};
    }
  }
  // What was not asked for by a reader may fail in its own way: he asks again, for himself.
  const bool of_messages =
      error && ((error->scope != Scope::connection && error->scope != Scope::account) ||
                error->code == Code::limit || error->code == Code::protocol);
  const bool anew = of_old_version || (fetch->ahead && of_messages);
  const bool wait_for_move = !anew && error && error->code == Code::stale && fetch->leaving;
  for (auto& request : waiting) {
    if (anew)
      serve(request);
    else if (!error)
      serveAfter(*fetch, request);
    else if (!wait_for_move || !hold(request))
      request.done(error, {});
  }
  // It may have ended before they began to wait for that.
  if (wait_for_move && !hooks_.leaving(fetch->id)) resume();
}

void BodyReader::serveAfter(const Fetch& fetch, Request& request) {
  try {
    uint32_t missing = 0;
    if (answer(request, missing)) return;
    // Asking again for what was just asked for could go on for ever.
    if (missing >= fetch.first && missing < fetch.first + fetch.count)
      throw Error(Code::protocol, Scope::message, "the server left out a part of the message");
    serve(request);  // over more chunks than came: it waits for the next
  } catch (const Error& error) {
    request.done(error, {});
  }
}

bool BodyReader::hold(Request& request) {
  const auto now = Clock::now();
  if (!request.held) request.held = now;
  if (now - *request.held > kLongestHeld) return false;
  const MutexLock lock(mutex_);
  held_.push_back(std::move(request));
  return true;
}

void BodyReader::resume() {
  std::vector<Request> held;
  {
    const MutexLock lock(mutex_);
    held.swap(held_);
  }
  for (auto& request : held) serve(request);
}

void BodyReader::stop() {
  std::vector<Request> held;
  {
    const MutexLock lock(mutex_);
    held.swap(held_);
  }
  for (const auto& request : held) request.done(interruption(), {});
  writer_.stop();
}

}  // namespace emlfs
