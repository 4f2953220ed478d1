// Reads a mount one system call at a time: how long each takes, what each fails with, and whether
// messages (support/proof_mail.h) have their own bytes. Thread-safe: all readers of a test share
// one.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/mutex.h"

namespace emlfs::test {

struct Figures {
  uint64_t calls = 0;
  uint64_t late = 0;  // longer than the limit
  Milliseconds slowest{0};
  uint64_t bodies = 0;  // read to the end and compared
  uint64_t bytes = 0;
  uint64_t wrong = 0;
  std::map<int, uint64_t> errors;       // by errno
  std::vector<std::string> complaints;  // the first twenty, of late calls and wrong bytes as well
};
std::string errorText(int number);  // of an errno
// One line, for people.
std::string text(const Figures& figures);

class Witness {
 public:
  // A system call that takes longer than `limit` is late.
  explicit Witness(Milliseconds limit) : limit_(limit) {}

  // These give 0 or the errno.
  int list(const std::string& directory, std::vector<std::string>& names);
  int stat(const std::string& path, struct stat& result);
  int create(const std::string& path);
  enum class Through { page_cache, direct };
  int read(const std::string& path, Through through = Through::page_cache);
  // A range of an open message called `name`.
  int readAt(int file, const std::string& name, size_t offset, size_t size);

  // Everything below `path` once; the errors that were met, without 0.
  std::vector<int> readAll(const std::string& path);

  void complain(const std::string& what);
  Figures figures() const;

 private:
  // Times one call; gives its errno if it failed (a result below 0), else 0.
  int call(const char* what, const std::string& path, const std::function<long()>& body);
  void judge(const std::string& path, std::string_view bytes, size_t offset, bool whole);

  const Milliseconds limit_;
  mutable Mutex mutex_;
  Figures figures_ GUARDED_BY(mutex_);
};

}  // namespace emlfs::test
