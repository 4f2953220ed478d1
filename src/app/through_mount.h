// Messages as a program sees them in a mount: what is cached of one, and reading it so that it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace emlfs::app {

// How many bytes of the body are in the cache; absent if the mount doesn't say (gone meanwhile, or
// an emlfs that is older).
std::optional<uint64_t> cachedBytes(const std::string& path);

// True if as many bytes as `path` has now, or more, are `cached`; or if it is gone.
bool isWholeFile(const std::string& path, uint64_t cached);

// Reads files and throws the bytes away. Not thread-safe.
class Drain {
 public:
  Drain();

  // From the beginning to the end, and leaves nothing of it in the page cache. `progress` hears of
  // the bytes so far; once it returns false, the rest is left (ECANCELED). Returns errno, or 0.
  int read(const std::string& path, const std::function<bool(uint64_t)>& progress);

 private:
  std::vector<char> buffer_;
};

}  // namespace emlfs::app
