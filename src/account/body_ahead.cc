// Bodies that nobody waits for yet: what a walk over a directory comes to next, and what follows in
// a large message that is read in order. What of it is cached is offered to the kernel. Whatever
// goes wrong with them is no matter: who reads such a message asks for it himself.
#include <algorithm>
#include <utility>

#include "account/body_reader.h"
#include "emlfs/base/log.h"

namespace emlfs {
namespace {

using store::kChunkBytes;

constexpr size_t kBatchMessages = 512;
// Who wants something else waits for the batches that run: on a slow line they are so small that
// they take about a second, and what is asked for in all about eight.
constexpr uint64_t kBatchLeast = 64 << 10;
constexpr uint64_t kBatchFirst = 256 << 10;
constexpr uint64_t kWindowSeconds = 8;
// Of a larger message that will be read to its end; the rest comes as it is read.
constexpr uint32_t kAheadChunks = 16;
constexpr uint64_t kWholeBytes = uint64_t{kAheadChunks} * kChunkBytes;

}  // namespace

void BodyReader::lookAhead(const Request& request) {
  try {
    if (request.offset == 0)
      followWalk(request.id);
    else
      followReader(request);
  } catch (const Error& error) {  // the reader has his answer, or will have it
    log::debug("not read ahead: {}", error.what());
  }
}

void BodyReader::followWalk(MessageId id) {
  const auto snapshot = cache_.snapshot();
  const auto message = snapshot->message(id);
  if (!message || message->size > largest_) return;
  Walks::Ahead ahead;
  uint64_t most = 0;
  {
    const MutexLock lock(walks_mutex_);
    most = batch_bytes_.value_or(kBatchFirst);
    ahead = walks_.begins(*snapshot, *message,
                          [&](MessageId each) { return snapshot->cachedBytes(each) != 0; });
  }
  if (const auto shown = store::shownIn(*message))
    hooks_.walk({*shown, id, std::move(ahead.cached)});
  const auto most_chunks =
      static_cast<uint32_t>(std::clamp<uint64_t>(most / kChunkBytes, 1, kAheadChunks));
  std::vector<FetchPtr> batch;
  uint64_t bytes = 0;
  const auto send = [&] {
    if (!batch.empty()) readAhead(std::exchange(batch, {}), true);
    bytes = 0;
  };
  for (const auto& each : ahead.messages) {
    if (each.size > largest_) continue;
    const auto mailbox = snapshot->mailbox(each.mailbox);
    if (!mailbox) continue;
    const bool large = each.size > (ahead.to_the_end ? kWholeBytes : Walks::kLarge);
    const uint32_t chunks = chunksOf(each.size);
    const auto fetch = beginAhead(each, mailbox->wire, 0,
                                  !large             ? chunks
                                  : ahead.to_the_end ? std::min(chunks, most_chunks)
                                                     : 1);
    if (!fetch) continue;
    if (large) {
      send();  // in their order
      {
        // Who reads on after the beginning reads all of it.
        const MutexLock lock(mutex_);
        progress_[each.id] = {fetch->count, ahead.to_the_end ? kWindowMax : kWindowMax / 2};
      }
      readAhead({fetch}, false);
      continue;
    }
    batch.push_back(fetch);
    bytes += each.size;
    if (bytes >= most || batch.size() >= kBatchMessages) send();
  }
  send();
}

bool BodyReader::isBegun(MessageId id) {
  try {
    return cache_.snapshot()->cachedBytes(id) != 0;
  } catch (const Error&) {  // as it will be found again, and told
    return false;
  }
}

// A READ of ours that is not answered waits for a fetch, or for a move.
bool BodyReader::isAwaited(MessageId id) {
  const auto fetch = active_.lower_bound({id, 0});
  return (fetch != active_.end() && fetch->first.first == id) ||
         std::ranges::find(held_, id, &Request::id) != held_.end();
}

std::optional<std::string> BodyReader::settled(MessageId id) {
  {
    const MutexLock lock(mutex_);
    // Of one whose size was wrong the kernel may have been told the old one only.
    if (isAwaited(id) || resized_.count(id) != 0) return std::nullopt;
  }
  const auto message = cache_.snapshot()->message(id);
  if (!message || message->uid == 0 || !message->size_known || message->size > Walks::kLarge ||
      (hooks_.spooled && hooks_.spooled(id, 0, 1)))
    return std::nullopt;
  std::string bytes;
  bytes.reserve(message->size);
  const auto size = static_cast<uint32_t>(message->size);
  const Request whole{id, 0, size, [&](const auto&, const auto& parts) {
                        for (const auto part : parts) bytes.append(part);
                      }};
  uint32_t missing = 0;
  if (!answer(whole, missing) || bytes.size() != message->size) return std::nullopt;
  return bytes;
}

// Who reads on where the last fetch ended gets the next before he comes to it.
void BodyReader::followReader(const Request& request) {
  uint32_t widest = 0;
  {
    const MutexLock lock(walks_mutex_);
    walks_.goesOn(request.id, request.offset, request.size);
    widest = static_cast<uint32_t>(
        std::clamp<uint64_t>(batch_bytes_.value_or(kBatchMost) / kChunkBytes, 2, kWindowMax));
  }
  FetchPtr fetch;
  {
    const MutexLock lock(mutex_);
    const auto found = progress_.find(request.id);
    if (found == progress_.end() || found->second.width < 2) return;
    Progress& progress = found->second;
    const auto at = static_cast<uint32_t>(request.offset / kChunkBytes);
    if (at == 0 || at >= progress.next || at + progress.width < progress.next) return;
    const auto snapshot = cache_.snapshot();
    const auto message = snapshot->message(request.id);
    if (!message || message->size > largest_ || message->uid == 0) return;
    const uint32_t chunks = chunksOf(message->size);
    if (progress.next >= chunks) return;
    const auto mailbox = snapshot->mailbox(message->mailbox);
    if (!mailbox) return;
    progress.width = std::min(progress.width * 2, widest);
    const uint32_t count = std::min(progress.width, chunks - progress.next);
    fetch = beginFetch(*snapshot, *message, mailbox->wire, progress.next, count, true);
    progress.next += count;
  }
  if (fetch) readAhead({fetch}, false);
}

BodyReader::FetchPtr BodyReader::beginAhead(const store::MessageRecord& message,
                                            const std::string& wire, uint32_t first,
                                            uint32_t count) {
  const auto snapshot = cache_.snapshot();
  const MutexLock lock(mutex_);
  return beginFetch(*snapshot, message, wire, first, count, true);
}

void BodyReader::readAhead(std::vector<FetchPtr> fetches, bool whole) {
  const auto batch = std::make_shared<Batch>();
  batch->whole = whole;
  batch->fetches = std::move(fetches);
  {
    const MutexLock lock(mutex_);
    for (const auto& fetch : batch->fetches) fetch->batch = batch;
  }
  submitBatch(batch, false);
}

void BodyReader::submitBatch(const BatchPtr& batch, bool hurried) {
  imap::Job job;
  job.lane = imap::Lane::ahead;
  job.first = hurried;
  job.mailbox = batch->fetches.front()->wire;
  job.doing = "reading ahead in " + job.mailbox;
  job.run = [this, batch, hurried](imap::Session& session) {
    if (!begin(*batch, hurried)) return;
    if (batch->whole)
      runBatch(session, batch->fetches);
    else
      run(session, batch->fetches.front());
  };
  job.failed = [this, batch, hurried](const Error& error) {
    if (!begin(*batch, hurried)) return;
    for (const auto& fetch : batch->fetches) finish(fetch, error);
  };
  pool_.submit(std::move(job));
}

bool BodyReader::begin(Batch& batch, bool hurried) {
  const MutexLock lock(mutex_);
  if (batch.hurried != hurried) return false;
  batch.begun = true;
  return true;
}

void BodyReader::learn(uint64_t bytes, Clock::duration time) {
  const double seconds = std::max(std::chrono::duration<double>(time).count(), 0.001);
  const double rate = static_cast<double>(bytes) / seconds;
  const MutexLock lock(walks_mutex_);
  // At once where it is slow; what was waiting in a buffer comes faster than the line is.
  const uint64_t before = batch_bytes_.value_or(kBatchFirst);
  const auto most = static_cast<double>(std::min(2 * before, kBatchMost));
  batch_bytes_ = static_cast<uint64_t>(std::clamp(rate, double{kBatchLeast}, most));
  walks_.limitWindow(kWindowSeconds * *batch_bytes_);
}

void BodyReader::runBatch(imap::Session& session, const std::vector<FetchPtr>& batch) {
  struct Expected {
    FetchPtr fetch;
    uint64_t size = 0;
  };
  std::vector<imap::WantedBodies> wanted;
  std::vector<std::map<Uid, Expected>> expected;  // by mailbox, as above
  {
    const auto snapshot = cache_.snapshot();
    for (const auto& fetch : batch) {
      const auto message = snapshot->message(fetch->id);
      const auto mailbox = message ? snapshot->mailbox(message->mailbox) : std::nullopt;
      if (!mailbox || message->uid == 0 || ended(*fetch)) continue;
      if (wanted.empty() || wanted.back().wire != mailbox->wire) {
        wanted.push_back({mailbox->wire, mailbox->state.uid_validity, {}});
        expected.emplace_back();
      }
      wanted.back().uids.add(message->uid);
      expected.back()[message->uid] = {fetch, message->size};
    }
  }
  uint64_t came = 0;
  uint64_t learnt = 0;
  const auto began = Clock::now();
  session.fetchBodies(wanted, kWholeBytes, [&](size_t mailbox, Uid uid, std::string&& bytes) {
    came += bytes.size();
    if (came >= learnt + kBatchLeast) learn(learnt = came, Clock::now() - began);
    const auto at = expected[mailbox].find(uid);
    // Of another size than announced: who reads it sees to that.
    if (at == expected[mailbox].end() || at->second.size != bytes.size()) return;
    publish(*at->second.fetch, bytes, true);
    finish(at->second.fetch, std::nullopt);
  });
  for (const auto& fetch : batch)
    finish(fetch, Error(Code::stale, Scope::message, "the server left the message out"));
}

bool BodyReader::ended(const Fetch& fetch) {
  const MutexLock lock(mutex_);
  return fetch.ended;
}

}  // namespace emlfs
