// A person with a mount: what he does to files there, one call a gesture.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace emlfs::test {

// A system call that failed.
struct CallFailed : std::runtime_error {
  CallFailed(const std::string& what, int error);
  int error;  // errno
};

// Messages are known by their proofName, which is in the name of each file. Everything throws
// CallFailed; what isn't there is ENOENT.
class Person {
 public:
  explicit Person(std::string root) : root_(std::move(root)) {}

  std::string directory(const std::string& mailbox) const { return root_ + "/" + mailbox; }
  std::string find(const std::string& mailbox, const std::string& message) const;  // its path

  // With its name, or with a new one.
  void move(const std::string& message, const std::string& from, const std::string& to,
            const std::string& name = {}) const;
  void remove(const std::string& message, const std::string& mailbox) const;
  void changeFlags(const std::string& message, const std::string& mailbox,
                   const std::string& changes) const;
  std::string flags(const std::string& path) const;

  // As cp does: open, write, times if there are any, close.
  void write(const std::string& mailbox, const std::string& name, std::string_view bytes,
             int64_t date = -1) const;
  void rename(const std::string& from, const std::string& to) const;  // paths below the mount
  void makeDirectory(const std::string& path) const;
  void removeDirectory(const std::string& path) const;

  void flush() const;  // everything that was done so far is on the server

  std::vector<std::string> names(const std::string& mailbox) const;

 private:
  const std::string root_;
};

}  // namespace emlfs::test
