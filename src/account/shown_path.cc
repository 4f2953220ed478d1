#include "account/shown_path.h"

#include "emlfs/store/path.h"

namespace emlfs {

std::optional<std::string> shownPath(const store::Snapshot& snapshot,
                                     const store::MessageRecord& message) {
  const auto directory = store::shownIn(message);
  const auto path = directory ? store::pathOf(snapshot, *directory) : std::nullopt;
  if (!path) return std::nullopt;
  return (*path + "/" + message.name).substr(1);
}

}  // namespace emlfs
