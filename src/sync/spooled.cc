#include "sync/spooled.h"

#include <algorithm>
#include <string>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"

namespace emlfs::sync {
namespace {

using store::kChunkBytes;

constexpr uint32_t kPiece = 1 << 20;
// A larger one would keep everybody else from the store for too long.
constexpr uint64_t kMostCached = uint64_t{64} << 20;

std::string_view readInto(std::string& buffer, int fd, uint64_t offset, uint64_t most) {
  buffer.resize(most);
  return std::string_view(buffer).substr(0, store::readAt(fd, buffer, offset));
}

}  // namespace

Fd openSpooled(const store::Spool& spool, const store::Change& append) {
  auto fd = spool.read(append.spool);
  if (!fd || store::fileSize(fd->get()) != append.size)
    throw Error(Code::damaged, Scope::message,
                "the new message in spool file " + append.spool +
                    (fd ? " is not as long as it was" : " is gone"));
  return std::move(*fd);
}

bool sameOnServer(imap::Session& session, Uid uid, int fd, uint64_t size) {
  std::string ours;
  try {
    for (uint64_t at = 0;;) {
      // One byte beyond the end shows whether it ends there.
      const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(kPiece, size - at + 1));
      const auto piece = session.fetchBody(uid, at, wanted);
      if (at + piece.bytes.size() > size) return false;
      if (readInto(ours, fd, at, piece.bytes.size()) != piece.bytes) return false;
      at += piece.bytes.size();
      if (at == size && (piece.at_end || piece.bytes.empty())) return true;
      if (piece.bytes.empty()) return false;
    }
  } catch (const Error& error) {
    if (error.code != Code::stale) throw;
    return false;
  }
}

bool sameInCache(const store::Snapshot& snapshot, MessageId id, int fd, uint64_t size) {
  std::string ours;
  for (uint64_t at = 0; at < size; at += kChunkBytes) {
    const auto chunk = snapshot.chunk(id, static_cast<uint32_t>(at / kChunkBytes));
    const uint64_t length = std::min<uint64_t>(kChunkBytes, size - at);
    if (!chunk || *chunk != readInto(ours, fd, at, length)) return false;
  }
  return size > 0;
}

void cacheBodies(store::Cache& cache, const std::vector<std::pair<store::Change, int>>& files) {
  try {
    const auto update = cache.begin(store::Durability::soon);
    std::string chunk;
    for (const auto& [change, fd] : files) {
      if (change.size > kMostCached) continue;
      for (uint64_t at = 0; at < change.size; at += kChunkBytes)
        update->putChunk(change.id, static_cast<uint32_t>(at / kChunkBytes),
                         readInto(chunk, fd, at, kChunkBytes));
    }
    update->commit();
  } catch (const Error& error) {
    if (error.code != Code::system && error.code != Code::damaged) throw;
    log::warning("new messages are not cached: {}", error.what());
  }
}

}  // namespace emlfs::sync
