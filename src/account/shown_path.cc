#include "account/shown_path.h"

namespace emlfs {

std::optional<std::string> shownPath(const store::Snapshot& snapshot,
                                     const store::MessageRecord& message) {
  auto directory = store::shownIn(message);
  if (!directory) return std::nullopt;
  std::string path = message.name;
  while (*directory != kRoot) {
    const auto record = snapshot.mailbox(*directory);
    if (!record) return std::nullopt;
    path = record->name + "/" + path;
    directory = record->parent;
  }
  return path;
}

}  // namespace emlfs
