#include "emlfs/store/path.h"

namespace emlfs::store {

std::optional<std::string> pathOf(const Snapshot& snapshot, MailboxId directory) {
  std::string path;
  while (directory != kRoot) {
    const auto record = snapshot.mailbox(directory);
    if (!record) return std::nullopt;
    path.insert(0, "/" + record->name);
    directory = record->parent;
  }
  return path;
}

}  // namespace emlfs::store
