// emlfs cache info|verify|prune|clear SOURCE: without a mount, or beside one.
#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

#include <cerrno>
#include <filesystem>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/paths.h"
#include "app/printable.h"
#include "app/progress.h"
#include "app/settings.h"
#include "app/terminal.h"
#include "app/units.h"
#include "emlfs/base/file.h"
#include "emlfs/store/maintenance.h"

namespace emlfs::app {
namespace {

constexpr Milliseconds kPlainInterval{10'000};

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  ::puts(fmt::format(format, std::forward<Args>(args)...).c_str());
}

int done(ExitCode code) {
  if (::fflush(stdout) != 0) throw systemError("standard output", errno);
  return static_cast<int>(code);
}

// The account's lock, as a mount holds it; without a descriptor if one does.
Fd lockCache(const std::string& directory) {
  return tryLock(directory + "/lock");
}

void sayDamaged(const std::string& directory) {
  std::error_code error;
  const auto size = std::filesystem::file_size(directory + "/cache.mdb.damaged", error);
  if (!error)
    say("put aside     {}, of a cache that was damaged: cache.mdb.damaged there, may be deleted",
        formatSize(size));
}

bool hasCacheFile(const std::string& directory) {
  std::error_code error;
  const auto size = std::filesystem::file_size(directory + "/cache.mdb", error);
  return !error && size > 0;
}

int info(const std::string& directory) {
  const auto size = store::cacheSize(directory);
  say("directory     {}", printable(directory));
  if (!size) {
    say("cache         {}", hasCacheFile(directory)
                                ? "of an earlier emlfs: the next mount begins with an empty one"
                                : "none yet");
    sayDamaged(directory);
    return done(ExitCode::ok);
  }
  say("in use        {}", lockCache(directory) ? "no" : "yes, it is mounted");
  say("mailboxes     {}", formatCount(size->mailboxes));
  say("messages      {}", formatCount(size->messages));
  say("bodies        {}, {}", formatCount(size->bodies), formatSize(size->body_bytes));
  say("file          {}, {} of it free for what comes next", formatSize(size->file_bytes),
      formatSize(size->free_bytes));
  sayDamaged(directory);
  return done(ExitCode::ok);
}

int verify(const std::string& directory) {
  Ticker ticker(false, kPlainInterval);
  Pace pace;
  auto next = Clock::now();
  const auto verified = store::verify(directory, [&](uint64_t bytes) {
    const auto now = Clock::now();
    if (now < next) return;
    next = now + ticker.interval();
    pace.add(now, bytes);
    ticker.show([&](size_t /*columns*/) {
      const auto rate = pace.bytesPerSecond();
      return fmt::format("checked {}{}", formatSize(bytes),
                         rate ? ", " + formatSize(static_cast<uint64_t>(*rate)) + "/s" : "");
    });
  });
  ticker.clear();
  say("checked {} values, {}", formatCount(verified.values), formatSize(verified.bytes));
  if (!verified.condemned && verified.damaged_chunks == 0) {
    say("all is well");
    return done(ExitCode::ok);
  }
  say("found: {}", printable(verified.first_damage));
  if (verified.damaged_chunks != 0)
    say("{} damaged pieces of bodies were removed: they are fetched again when somebody reads them",
        formatCount(verified.damaged_chunks));
  if (verified.condemned)
    say("the cache is damaged: the next mount puts it aside and begins with an empty one{}",
        lockCache(directory) ? "" : "; unmount and mount again");
  return done(ExitCode::damaged);
}

int prune(const std::string& directory, uint64_t limit) {
  const uint64_t went = store::prune(directory, limit);
  const auto size = store::cacheSize(directory);
  say("{} of bodies went; {} of {} are left", formatSize(went),
      formatSize(size ? size->body_bytes : 0), formatSize(limit));
  return done(ExitCode::ok);
}

int clear(const std::string& directory) {
  const Fd lock = lockCache(directory);
  if (!lock)
    throw failure(Code::busy,
                  fmt::format("{} is in use by an emlfs: unmount that first", directory));
  store::clear(directory);
  say("{} is empty", printable(directory));
  return done(ExitCode::ok);
}

uint64_t pruneLimit(const std::string& text, const Options& options) {
  if (text.empty()) return options.cache_size;
  if (const auto size = parseSize(text)) return *size;
  throw badInput(fmt::format("--size: '{}' is not a size, such as 500MiB", text));
}

}  // namespace

int cacheCommand(const CacheArguments& arguments) {
  const Settings settings = resolveSettings(arguments.source, arguments.options);
  const std::string directory = directories(settings.source, settings.options).cache;
  const uint64_t limit = pruneLimit(arguments.size, settings.options);
  if (arguments.action == CacheAction::info) return info(directory);
  std::error_code error;
  if (!std::filesystem::exists(directory, error) && !error) {
    say("there is no cache in {}", printable(directory));
    return done(ExitCode::ok);
  }
  switch (arguments.action) {
    case CacheAction::verify:
      return verify(directory);
    case CacheAction::prune:
      return prune(directory, limit);
    default:
      return clear(directory);
  }
}

}  // namespace emlfs::app
