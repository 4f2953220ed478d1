#include "app/fetch_list.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "app/mount_table.h"
#include "app/through_mount.h"

namespace emlfs::app {
namespace {

bool vanished(int error) {
  return error == ENOENT || error == ESTALE;
}

class Walk {
 public:
  explicit Walk(const ListEvents& events) : events_(events) {}

  void start(const std::string& path) {
    list_.all_bytes.push_back(0);
    struct stat st{};
    if (::lstat(path.c_str(), &st) != 0) {
      fail(path, errno);
    } else if (S_ISDIR(st.st_mode)) {
      waiting_.push_back(path);
      while (!waiting_.empty()) {
        const std::string next = std::move(waiting_.back());
        waiting_.pop_back();
        enter(next);
      }
    } else if (S_ISREG(st.st_mode)) {
      const size_t slash = path.rfind('/');
      list_.directories.push_back(path.substr(0, slash));
      add(path, path.substr(slash + 1), st);
    }
  }

  FetchList take() { return std::move(list_); }

 private:
  // Sub-directories wait: a mailbox's messages stay together, and no depth is too deep.
  void enter(const std::string& directory) {
    events_.enters(directory);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) {
      fail(directory, errno);
      return;
    }
    list_.directories.push_back(directory);
    const size_t first = waiting_.size();
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name != "." && name != "..") look(directory, name, entry->d_type);
    }
    if (errno != 0) fail(directory, errno);
    std::reverse(waiting_.begin() + static_cast<std::ptrdiff_t>(first), waiting_.end());
  }

  void look(const std::string& directory, const std::string& name, unsigned char type) {
    std::string path = directory + "/" + name;
    if (type == DT_DIR) {
      waiting_.push_back(std::move(path));
      return;
    }
    struct stat st{};
    if (::lstat(path.c_str(), &st) != 0)
      fail(path, errno);
    else if (S_ISDIR(st.st_mode))
      waiting_.push_back(std::move(path));
    else if (S_ISREG(st.st_mode))
      add(path, name, st);
  }

  void add(const std::string& path, const std::string& name, const struct stat& st) {
    FetchItem item{list_.directories.size() - 1, name, static_cast<uint64_t>(st.st_size),
                   cachedBytes(path).value_or(0)};
    events_.found();
    list_.all_bytes.back() += item.size;
    if (item.missing() == 0) {
      ++list_.cached_messages;
      return;
    }
    list_.missing_bytes += item.missing();
    list_.items.push_back(std::move(item));
  }

  void fail(const std::string& path, int error) const {
    if (!vanished(error)) events_.failed(path, error);
  }

  const ListEvents& events_;
  FetchList list_;
  std::vector<std::string> waiting_;  // directories, the next one last
};

}  // namespace

std::vector<std::string> withoutNested(const std::vector<std::string>& paths) {
  std::vector<std::string> kept;
  for (const std::string& path : paths) {
    const auto holds = [&](const std::string& other) { return isAtOrBelow(path, other); };
    if (std::any_of(kept.begin(), kept.end(), holds)) continue;
    std::erase_if(kept, [&](const std::string& other) { return isAtOrBelow(other, path); });
    kept.push_back(path);
  }
  return kept;
}

FetchList listMessages(const std::vector<std::string>& paths, const ListEvents& events) {
  Walk walk(events);
  for (const std::string& path : paths) walk.start(path);
  return walk.take();
}

}  // namespace emlfs::app
