#include "account/body_reader.h"

#include <algorithm>
#include <utility>

#include "emlfs/base/log.h"

namespace emlfs {
namespace {

using store::kChunkBytes;

// Up to here a message comes in one piece; a larger one as far as it is read.
constexpr uint32_t kWholeChunks = Walks::kLarge / kChunkBytes;
constexpr size_t kProgressMax = 256;
constexpr size_t kUnstoredMax = 128;  // chunks, 16 MiB

uint32_t chunkOf(uint64_t offset) {
  return static_cast<uint32_t>(offset / kChunkBytes);
}

// A damaged chunk counts as not cached: what is fetched in its place mends it.
std::optional<std::string_view> chunkOf(const store::Snapshot& snapshot, MessageId id,
                                        uint32_t index) {
  try {
    return snapshot.chunk(id, index);
  } catch (const Error& error) {
    if (error.code != Code::damaged) throw;
    log::warning("fetching again what the cache has lost: {}", error.what());
    return std::nullopt;
  }
}

Error resized() {
  return Error(Code::size_changed, Scope::message,
               "the message is not as long as the server had said");
}

}  // namespace

BodyReader::BodyReader(imap::Pool& pool, store::Cache& cache, uint64_t largest, Counters& counters,
                       Hooks hooks)
    : pool_(pool),
      cache_(cache),
      largest_(largest),
      counters_(counters),
      hooks_(std::move(hooks)),
      walks_(largest / 4),
      writer_(
          cache, [this](MessageId id, unsigned version) { return isCurrent(id, version); },
          [this](const FetchedBody& body, const std::optional<Error>& error) {
            written(body, error);
          }) {
  constexpr uint64_t kUntilLearnt = 1 << 20;
  const MutexLock lock(walks_mutex_);
  walks_.limitWindow(kUntilLearnt);
}

void BodyReader::keepForAWhile(const FetchedBody& body) {
  for (uint32_t i = 0; i < body.chunks.size(); ++i)
    unstored_.emplace_back(body.id, body.first_chunk + i);
  for (; unstored_.size() > kUnstoredMax; unstored_.pop_front()) recent_.erase(unstored_.front());
}

void BodyReader::written(const FetchedBody& body, const std::optional<Error>& error) {
  {
    const MutexLock lock(mutex_);
    const bool current = body.version == versionOf(body.id);
    if (current && error) keepForAWhile(body);
    for (uint32_t i = 0; current && !error && i < body.chunks.size(); ++i)
      recent_.erase({body.id, body.first_chunk + i});
  }
  hooks_.stored(error);
}

Error BodyReader::vanished() {
  return Error(Code::stale, Scope::message, "the message is no longer there");
}

BodyReader::Place BodyReader::placeOf(const store::Snapshot& snapshot, MessageId id) {
  auto message = snapshot.message(id);
  auto mailbox = message ? snapshot.mailbox(message->mailbox) : std::nullopt;
  if (!mailbox) throw vanished();
  if (message->uid == 0)
    throw Error(Code::busy, Scope::message, "it is not known yet what the server calls it");
  return {std::move(*message), std::move(*mailbox)};
}

unsigned BodyReader::versionOf(MessageId id) {
  const auto at = versions_.find(id);
  return at == versions_.end() ? 0 : at->second;
}

bool BodyReader::isCurrent(MessageId id, unsigned version) {
  const MutexLock lock(mutex_);
  return versionOf(id) == version;
}

void BodyReader::renew(MessageId id, const std::function<void()>& commit) {
  const auto is_its = [id](const Key& key) { return key.first == id; };
  {
    const MutexLock lock(mutex_);
    renewing_ = id;
    ++versions_[id];
    std::erase_if(recent_, [&](const auto& each) { return is_its(each.first); });
    std::erase_if(unstored_, is_its);
    progress_.erase(id);
    resized_.erase(id);
  }
  const auto end = [this] {
    const MutexLock lock(mutex_);
    renewing_.reset();
  };
  try {
    commit();
  } catch (...) {
    end();
    throw;
  }
  end();
}

void BodyReader::read(WaitId wait, MessageId id, uint64_t offset, uint32_t size, ReadDone done) {
  if (wait != 0) {
    done = [this, wait, then = std::move(done)](const auto& error, const auto& bytes) {
      {
        const MutexLock lock(mutex_);
        reads_.erase(wait);
      }
      then(error, bytes);
    };
  }
  const Request about{id, offset, size, {}};
  Request request{id, offset, size, std::move(done), wait};
  // What is cached is begun with before the reader goes on, or he would be there first. Where he
  // has to wait for the server, nothing comes before him.
  const bool at_hand = offset == 0 && isBegun(id);
  if (at_hand) lookAhead(about);
  if (serve(request))
    counters_.hits++;
  else
    counters_.misses++;
  if (!at_hand) lookAhead(about);
}

bool BodyReader::serve(Request& request) {
  try {
    if (const auto bytes = hooks_.spooled ? hooks_.spooled(request.id, request.offset, request.size)
                                          : std::nullopt) {
      request.done(std::nullopt, {*bytes});
      return true;
    }
    for (;;) {
      uint32_t missing = 0;
      if (answer(request, missing)) return true;
      if (await(request, missing)) return false;
    }
  } catch (const Error& error) {
    request.done(error, {});
    return true;
  }
}

bool BodyReader::answer(const Request& request, uint32_t& missing) {
  std::map<uint32_t, Chunk> recent;
  bool of_wrong_size = false;
  {
    const MutexLock lock(mutex_);
    of_wrong_size = resized_.count(request.id) != 0;
    const Key last{request.id, chunkOf(request.offset + request.size)};
    for (auto at = recent_.lower_bound({request.id, chunkOf(request.offset)});
         at != recent_.end() && at->first <= last; ++at)
      recent.emplace(at->first.second, at->second);
  }
  if (of_wrong_size) throw resized();

  // Taken after the look above: what has left recent_ by then is in the store.
  const auto snapshot = cache_.snapshot();
  const auto message = snapshot->message(request.id);
  if (!message) throw vanished();
  std::vector<std::string_view> views;
  const uint64_t end = std::min<uint64_t>(request.offset + request.size, message->size);
  for (uint64_t at = request.offset; at < end;) {
    const uint32_t index = chunkOf(at);
    auto chunk = chunkOf(*snapshot, request.id, index);
    if (const auto held = recent.find(index); !chunk && held != recent.end()) chunk = *held->second;
    if (!chunk) {
      missing = index;
      return false;
    }
    const uint64_t skip = at - uint64_t{index} * kChunkBytes;
    if (skip >= chunk->size()) break;
    views.push_back(chunk->substr(skip, end - at));
    at += views.back().size();
  }
  cache_.used(request.id);
  // Within the snapshot's life: the views point into the map.
  request.done(std::nullopt, views);
  return true;
}

bool BodyReader::await(Request& request, uint32_t missing) {
  FetchPtr fetch;
  BatchPtr hurried;
  {
    const MutexLock lock(mutex_);
    requireNotCancelled(request.wait);
    const auto active = active_.find({request.id, missing});
    if (active != active_.end()) {
      active->second->waiting.push_back(std::move(request));
      hurried = active->second->batch.lock();
      if (!hurried || hurried->begun || std::exchange(hurried->hurried, true)) return true;
    } else {
      // A fetch may have ended since the look: it goes from active_ to recent_ to the store, and in
      // that order it is looked for, so that nothing is asked for twice.
      if (recent_.count({request.id, missing}) != 0) return false;
      requireNotSilent(request.id);
      if (renewing_ == request.id)
        throw Error(Code::busy, Scope::message, "the message is being written");
      const auto snapshot = cache_.snapshot();
      if (chunkOf(*snapshot, request.id, missing)) return false;
      const auto [message, mailbox] = placeOf(*snapshot, request.id);

      const uint32_t count = window(message, request, missing);
      fetch = beginFetch(*snapshot, message, mailbox.wire, missing, count, false);
      fetch->waiting.push_back(std::move(request));
    }
  }
  if (hurried)
    submitBatch(hurried, true);
  else
    submit(fetch, imap::Lane::reading);
  return true;
}

BodyReader::FetchPtr BodyReader::beginFetch(const store::Snapshot& snapshot,
                                            const store::MessageRecord& message,
                                            const std::string& wire, uint32_t first, uint32_t count,
                                            bool ahead) {
  auto fetch = std::make_shared<Fetch>();
  fetch->id = message.id;
  fetch->version = versionOf(message.id);
  fetch->wire = wire;
  fetch->to_be_cached = message.size <= largest_;
  fetch->ahead = ahead;
  fetch->first = first;
  for (; fetch->count < count; ++fetch->count) {
    // A chunk that is there, or that another fetch brings already, ends this one before it.
    const Key key{fetch->id, first + fetch->count};
    const bool asked_for = !ahead && fetch->count == 0;  // by whom who has looked
    if (!asked_for && (recent_.count(key) != 0 || chunkOf(snapshot, key.first, key.second))) break;
    if (!active_.try_emplace(key, fetch).second) break;
  }
  return fetch->count != 0 ? fetch : nullptr;
}

void BodyReader::submit(const FetchPtr& fetch, imap::Lane lane) {
  imap::Job job;
  job.lane = lane;
  job.mailbox = fetch->wire;
  job.doing = "reading " + fetch->wire;
  job.run = [this, fetch](imap::Session& session) { run(session, fetch); };
  job.failed = [this, fetch](const Error& error) { finish(fetch, error); };
  pool_.submit(std::move(job));
}

uint32_t BodyReader::window(const store::MessageRecord& message, const Request& request,
                            uint32_t first) {
  const uint32_t chunks = std::max(chunksOf(message.size), first + 1);
  if (chunks <= kWholeChunks) return chunks - first;
  const uint64_t end = std::min<uint64_t>(request.offset + request.size, message.size);
  const uint32_t last = chunkOf(std::max<uint64_t>(end, 1) - 1);
  const uint32_t needed = std::max(last, first) - first + 1;
  if (progress_.size() > kProgressMax) progress_.clear();
  auto& progress = progress_[message.id];
  // The kernel reads the beginning in a piece that is a little longer than a chunk.
  const bool sequential = request.offset != 0 && progress.width != 0 && progress.next == first;
  const uint32_t width =
      std::clamp(sequential ? progress.width * 2 : needed, needed, std::max(needed, kWindowMax));
  const uint32_t count = std::min(width, chunks - first);
  progress = {first + count, request.offset != 0 ? width : std::max(width, progress.width)};
  return count;
}

void BodyReader::sizeTold(MessageId id, uint64_t size) {
  const MutexLock lock(mutex_);
  const auto at = resized_.find(id);
  if (at != resized_.end() && at->second == size) resized_.erase(at);
}

}  // namespace emlfs
