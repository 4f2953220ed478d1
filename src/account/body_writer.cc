#include "account/body_writer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/base/thread.h"

namespace emlfs {
namespace {

size_t bytesOf(const FetchedBody& body) {
  return std::accumulate(body.chunks.begin(), body.chunks.end(), size_t{0},
                         [](size_t sum, const auto& chunk) { return sum + chunk->size(); });
}

}  // namespace

BodyWriter::BodyWriter(store::Cache& cache, Current current, Written written)
    : cache_(cache),
      current_(std::move(current)),
      written_(std::move(written)),
      thread_(startThread("body writer", [this] { loop(); })) {}

BodyWriter::~BodyWriter() {
  stop();
}

void BodyWriter::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BodyWriter::put(FetchedBody body) {
  {
    MutexLock lock(mutex_);
    while (queued_bytes_ > kQueueMax && !stopping_) changed_.wait(lock);
    queued_bytes_ += bytesOf(body);
    queue_.push_back(std::move(body));
  }
  changed_.notify_all();
}

void BodyWriter::loop() {
  auto sync_due = Clock::time_point::max();
  for (;;) {
    std::vector<FetchedBody> batch;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_ && Clock::now() < sync_due) wait(lock, sync_due);
      if (queue_.empty() && stopping_) return;
      // A commit costs as much for one as for many: let some gather. Readers don't wait for it.
      const auto due = Clock::now() + kGather;
      while (!queue_.empty() && queue_.size() < kBatch && queued_bytes_ < kQueueMax / 2 &&
             !stopping_ && Clock::now() < due)
        wait(lock, due);
      batch.swap(queue_);
      queued_bytes_ = 0;
    }
    changed_.notify_all();
    if (!batch.empty()) {
      const auto error = write(batch);
      for (const auto& body : batch) written_(body, error);
      sync_due = std::min(sync_due, Clock::now() + kSyncAfter);
    }
    if (Clock::now() < sync_due) continue;
    sync();
    sync_due = Clock::time_point::max();
  }
}

void BodyWriter::wait(MutexLock& lock, Clock::time_point until) {
  if (until == Clock::time_point::max())
    changed_.wait(lock);
  else
    changed_.wait_until(lock, until);
}

void BodyWriter::sync() {
  try {
    cache_.sync();
  } catch (const Error& error) {
    log::warning("what was read is not on the disk for sure: {}", error.what());
  }
}

std::optional<Error> BodyWriter::write(const std::vector<FetchedBody>& batch) {
  try {
    const auto update = cache_.begin(store::Durability::soon);
    for (const auto& body : batch) {
      auto message = update->message(body.id);
      if (!message || !current_(body.id, body.version)) continue;  // it is no more
      uint32_t index = body.first_chunk;
      for (const auto& chunk : body.chunks) update->putChunk(body.id, index++, *chunk);
      // A size that proves wrong is corrected by the reader, who also tells the kernel.
      if (body.size == message->size && !message->size_known) {
        message->size_known = true;
        update->putMessage(*message);
      }
    }
    update->commit();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace emlfs
