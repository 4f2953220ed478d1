// How often the kernel has asked, by operation: what it caches well it doesn't ask for.
// Thread-safe.
#pragma once

#include <fuse_lowlevel.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>

namespace emlfs::fs {

class Requests {
 public:
  enum Operation {
    lookup,
    getattr,
    readdir,
    read,
    getxattr,
    listxattr,
    statfs,
    create,
    write,
    setattr,
    fsync,
    rename,
    unlink,
    mkdir,
    rmdir,
    setxattr,
    fsyncdir
  };

  void count(Operation operation) { ++counts_[operation]; }
  std::map<std::string, uint64_t> counts() const {
    std::map<std::string, uint64_t> all;
    for (size_t i = 0; i < counts_.size(); ++i) all.emplace(kNames[i], counts_[i].load());
    return all;
  }

 private:
  static constexpr std::array kNames{"lookup",    "getattr", "readdir", "read",  "getxattr",
                                     "listxattr", "statfs",  "create",  "write", "setattr",
                                     "fsync",     "rename",  "unlink",  "mkdir", "rmdir",
                                     "setxattr",  "fsyncdir"};
  std::array<std::atomic<uint64_t>, kNames.size()> counts_{};
};

}  // namespace emlfs::fs
