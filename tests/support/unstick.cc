#include "support/unstick.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

namespace emlfs::test {
namespace {

int pidOf(const Fd& process) {
  std::ifstream lines(fmt::format("/proc/self/fdinfo/{}", process.get()));
  for (std::string word; lines >> word;) {
    int pid = -1;
    if (word == "Pid:" && lines >> pid) return pid;
  }
  return -1;
}

char stateOf(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  const size_t name_ends = line.rfind(") ");
  return name_ends == line.npos ? '\0' : line.at(name_ends + 2);
}

}  // namespace

char stateOf(const Fd& process) {
  return stateOf(pidOf(process));
}

void letGo(const std::string& mount_point) {
  ::umount2(mount_point.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);  // EBUSY: it did that nevertheless
}

Unstick::Unstick(const Fd& process, std::string mount_point)
    : watch_([this, pid = pidOf(process), path = std::move(mount_point)](std::stop_token stop) {
        std::unique_lock lock(mutex_);
        for (int dead = 0; dead < 2;) {
          over_.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
          if (stop.stop_requested()) return;
          dead = stateOf(pid) == 'Z' ? dead + 1 : 0;
        }
        letGo(path);
      }) {}

}  // namespace emlfs::test
