// A child process that a test kills: reports through a pipe how far it is.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>

namespace emlfs::test {

class Child {
 public:
  // Forks; the child runs `body` with the descriptor to report to, and ends. Fork before other
  // threads or LMDB environments exist.
  explicit Child(const std::function<void(int report)>& body);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  // Waits for that many bytes; fewer if the child ended, or nothing came for a minute.
  std::string read(size_t count);
  // SIGKILL, then what it still had reported.
  std::string kill();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

}  // namespace emlfs::test
