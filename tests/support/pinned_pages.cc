#include "support/pinned_pages.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <filesystem>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"

namespace emlfs::test {

PinnedPages::~PinnedPages() {
  for (const Pages& each : pinned_) ::munmap(each.at, each.size);
}

void PinnedPages::pin(const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const size_t size = entry.is_regular_file() ? entry.file_size() : 0;
    if (size == 0) continue;
    const Fd file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) throw systemError("open " + entry.path().string(), errno);
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    if (at == MAP_FAILED) throw systemError("mmap", errno);
    pinned_.push_back({at, size});
    if (::mlock(at, size) != 0) throw systemError("mlock", errno);
  }
}

}  // namespace emlfs::test
