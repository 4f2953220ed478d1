// What `emlfs fetch` has to do: the messages below some paths that aren't whole in the cache.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace emlfs::app {

struct FetchItem {
  size_t directory = 0;  // in FetchList::directories; there may be a million items
  std::string name;
  uint64_t size = 0;
  uint64_t cached = 0;  // bytes of it

  uint64_t missing() const { return size > cached ? size - cached : 0; }
};

struct FetchList {
  std::vector<std::string> directories;
  std::vector<FetchItem> items;  // in the order of the directories' listings
  uint64_t missing_bytes = 0;
  uint64_t cached_messages = 0;     // whole, and so no items
  std::vector<uint64_t> all_bytes;  // by path, with those of what is cached

  std::string path(const FetchItem& item) const {
    return directories[item.directory] + "/" + item.name;
  }
};

struct ListEvents {
  std::function<void(const std::string& directory)> enters;
  std::function<void()> found;  // one more message
  std::function<void(const std::string& path, int error)> failed;
};

// `paths` without those that lie at or below another of them.
std::vector<std::string> withoutNested(const std::vector<std::string>& paths);

// Walks through directories and files given by absolute paths. The first listing of a mailbox takes
// as long as the server takes. Whatever has vanished meanwhile is passed over.
FetchList listMessages(const std::vector<std::string>& paths, const ListEvents& events);

}  // namespace emlfs::app
