#include "emlfs/store/maintenance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "emlfs/base/bytes.h"
#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "store/apart.h"
#include "store/aside.h"
#include "store/eviction.h"
#include "store/probe.h"
#include "store/size.h"
#include "store/update.h"

namespace emlfs::store {
namespace {

bool hasFile(const std::string& path) {
  struct stat file;
  if (::stat(path.c_str(), &file) == 0) return file.st_size > 0;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw systemError("looking at " + path, errno);
}

void requireNotCondemned(const std::string& path) {
  if (::access(Environment::condemnedPath(path).c_str(), F_OK) == 0)
    throw Error(Code::damaged, Scope::account,
                path + " is damaged: the next mount begins with an empty cache");
}

// As verify() hears it from the child that reads: words and numbers, and the damage of anything but
// a chunk as the child's reason to end.
constexpr char kChunk = 'c';   // message, index: damaged
constexpr char kValues = 'v';  // values, bytes: at the end of each step

struct Line {
  char kind;
  uint64_t first;
  uint64_t second;
};

std::string text(const Line& line) {
  return fmt::format("{} {} {}", line.kind, line.first, line.second);
}

Line parse(std::string_view text) {
  Line line{text.at(0), 0, 0};
  const char* end = text.data() + text.size();
  auto first = std::from_chars(text.data() + 2, end, line.first);
  std::from_chars(first.ptr + 1, end, line.second);
  return line;
}

// One step of reading bodies, in a transaction of its own: a long one would keep what a daemon
// frees from being reused. False at the end; `next` is where to go on.
bool readBodies(MDB_txn* txn, const Tables& tables, std::string& next, const Say& say) {
  constexpr uint64_t kStep = 16 << 20;
  Checked checked;
  bool more = false;
  Cursor bodies(txn, tables.bodies);
  while (checked.bytes < kStep && (more = bodies.seek(next))) {
    next = behind(bodies.key());
    if (bodies.key().size() != 12) throwDamaged(txn, "a body has a malformed key");
    bodies.requireSoundPlace();
    ++checked.values;
    checked.bytes += bodies.valueSize();
    try {
      bodies.value();
    } catch (const Error& error) {
      if (error.code != Code::damaged) throw;
      ByteReader key(bodies.key());
      const uint64_t id = key.u64();
      say(text({kChunk, id, key.u32()}));
    }
  }
  say(text({kValues, checked.values, checked.bytes}));
  return more;
}

void readAll(const std::string& path, const Say& say) {
  Environment environment = openToRead(path);
  const Checked metadata = examine(environment, path);
  say(text({kValues, metadata.values, metadata.bytes}));
  auto tables = findTables(environment.get());
  if (!tables) return;
  Readers readers(environment.get());
  std::string next(1, '\0');
  while (readBodies(ReadTransaction(readers).get(), *tables, next, say)) {
  }
}

void makeMark(const std::string& path) {
  const std::string mark = Environment::condemnedPath(path);
  const Fd fd(::open(mark.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd) throw systemError("making " + mark, errno);
}

}  // namespace

std::optional<CacheSize> cacheSize(const std::string& directory) {
  const std::string path = cachePath(directory);
  if (!hasFile(path)) return std::nullopt;
  requireNotCondemned(path);
  Environment environment = openToRead(path);
  examinePages(environment, path);
  auto tables = findTables(environment.get());
  if (!tables) return std::nullopt;
  Readers readers(environment.get());
  return sizeOf(environment.get(), ReadTransaction(readers).get(), *tables);
}

Verified verify(const std::string& directory, const std::function<void(uint64_t)>& progress) {
  constexpr unsigned kCpuSeconds = 24 * 3600;  // a terabyte takes minutes
  Verified verified;
  const std::string path = cachePath(directory);
  if (!hasFile(path)) return verified;
  std::vector<std::pair<MessageId, uint32_t>> chunks;
  verified.first_damage = runApart(
      kCpuSeconds, [&](const Say& say) { readAll(path, say); },
      [&](std::string_view heard) {
        const Line line = parse(heard);
        if (line.kind == kChunk) {
          chunks.emplace_back(MessageId{line.first}, static_cast<uint32_t>(line.second));
          return;
        }
        verified.values += line.first;
        verified.bytes += line.second;
        progress(verified.bytes);
      });
  verified.condemned = !verified.first_damage.empty();
  if (verified.condemned) {
    makeMark(path);
    return verified;
  }
  verified.damaged_chunks = chunks.size();
  if (chunks.empty()) return verified;
  verified.first_damage = fmt::format("part {} of message {} is not what was put there",
                                      chunks.front().second, chunks.front().first.value);
  Environment environment(path, kCacheFlags, kCacheMapBytes);
  auto tables = findTables(environment.get());
  auto update = beginUpdate(environment.get(), tables.value());
  for (const auto& [id, index] : chunks) update->removeDamagedChunk(id, index);
  update->commit();
  return verified;
}

uint64_t prune(const std::string& directory, uint64_t bytes) {
  const std::string path = cachePath(directory);
  if (!hasFile(path)) return 0;
  requireNotCondemned(path);
  {
    Environment sound = openToRead(path);
    examinePages(sound, path);
  }
  Environment environment(path, kCacheFlags, kCacheMapBytes);
  auto tables = findTables(environment.get());
  if (!tables) return 0;
  Readers readers(environment.get());
  return evictBodies(readers, environment.get(), *tables, bytes, [] {
    // LMDB's lock is not fair, and no event of another process says that it waits.
    constexpr int kPause = 5;  // ms
    ::poll(nullptr, 0, kPause);
    return true;
  });
}

void clear(const std::string& directory) {
  const std::string path = cachePath(directory);
  // The mark goes last: until then, whoever opens what is left begins anew.
  for (const std::string& file :
       {path, path + "-lock", path + ".damaged", Environment::condemnedPath(path)})
    removeFile(file);
}

}  // namespace emlfs::store
