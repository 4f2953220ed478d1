#include "app/through_mount.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "app/units.h"
#include "emlfs/base/file.h"

namespace emlfs::app {
namespace {

constexpr size_t kBuffer = size_t{128} << 10;  // what the kernel reads ahead

// Nothing of the file is in the page cache when it begins and when it ends. That is advice: nothing
// depends on it but speed.
class PageCacheLeftAlone {
 public:
  explicit PageCacheLeftAlone(int file) : file_(file) { drop(); }
  PageCacheLeftAlone(const PageCacheLeftAlone&) = delete;
  PageCacheLeftAlone& operator=(const PageCacheLeftAlone&) = delete;
  ~PageCacheLeftAlone() { drop(); }

 private:
  void drop() const { ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED); }
  int file_;
};

}  // namespace

std::optional<uint64_t> cachedBytes(const std::string& path) {
  std::array<char, 32> value{};
  const ssize_t size = ::getxattr(path.c_str(), "user.emlfs.cached", value.data(), value.size());
  if (size < 0) return std::nullopt;
  return parseNumber(std::string_view(value.data(), static_cast<size_t>(size)));
}

bool isWholeFile(const std::string& path, uint64_t cached) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) != 0 || cached >= static_cast<uint64_t>(st.st_size);
}

Drain::Drain() : buffer_(kBuffer) {}

int Drain::read(const std::string& path, const std::function<bool(uint64_t)>& progress) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
  if (!file) return errno;
  // What is only in the page cache, and no longer in emlfs' own, would not be asked for. O_DIRECT
  // would do that too, but a thread in such a read survives SIGKILL until the daemon has answered.
  const PageCacheLeftAlone alone(file.get());
  uint64_t so_far = 0;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    so_far += static_cast<uint64_t>(got);
    if (!progress(so_far)) return ECANCELED;
  }
}

}  // namespace emlfs::app
