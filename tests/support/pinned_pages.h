// Files whose cached pages the kernel must keep however short of memory it is. What is read again
// all the same was dropped by the file system.
#pragma once

#include <string>
#include <vector>

namespace emlfs::test {

class PinnedPages {
 public:
  PinnedPages() = default;
  PinnedPages(const PinnedPages&) = delete;
  PinnedPages& operator=(const PinnedPages&) = delete;
  ~PinnedPages();

  // All files below `directory`, which this reads. Throws Error, also where the limit of locked
  // memory (setrlimit(2), RLIMIT_MEMLOCK) is less than they need.
  void pin(const std::string& directory);

 private:
  struct Pages {
    void* at;
    size_t size;
  };
  std::vector<Pages> pinned_;
};

}  // namespace emlfs::test
