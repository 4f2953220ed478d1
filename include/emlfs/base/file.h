// Owned file descriptors and the few file operations that several folders need.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace emlfs {

// Owns a descriptor and closes it. Movable, not thread-safe.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Wakes a poll(2) from another thread. signal() and clear() are thread-safe.
class Event {
 public:
  Event();  // throws Error(system)
  void signal() noexcept;
  bool clear() noexcept;  // true if it was signalled
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

// Creates `path` and its parents, the last with mode 0700, and tightens that mode if it exists.
// Throws Error(system).
void makePrivateDirectory(const std::string& path);

// Throws Error(system) with the path in its text.
std::string readFile(const std::string& path);

// An exclusive flock(2) on `path`, held until the Fd is closed. An Fd without a descriptor if
// another process holds it. Throws Error(system).
Fd tryLock(const std::string& path);

}  // namespace emlfs
