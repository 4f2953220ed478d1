#include "account/tree_order.h"

#include <functional>
#include <limits>

namespace emlfs {
namespace {

// The first of the sub-directories, in the order of their ids.
std::optional<MailboxId> firstListed(const store::Snapshot& snapshot, MailboxId parent,
                                     uint64_t after) {
  std::optional<MailboxId> first;
  snapshot.subdirectories(parent, after, [&](const store::MailboxRecord& each) {
    first = each.id;
    return false;
  });
  return first;
}

// ... the last one, before `before`.
std::optional<MailboxId> lastListed(const store::Snapshot& snapshot, MailboxId parent,
                                    uint64_t before) {
  std::optional<MailboxId> last;
  snapshot.subdirectories(parent, 0, [&](const store::MailboxRecord& each) {
    if (each.id.value >= before) return false;
    last = each.id;
    return true;
  });
  return last;
}

// ... in the order of their names, behind `after`.
std::optional<MailboxId> firstByName(const store::Snapshot& snapshot, MailboxId parent,
                                     const std::string& after) {
  std::optional<store::MailboxRecord> first;
  snapshot.subdirectories(parent, 0, [&](const store::MailboxRecord& each) {
    if (each.name > after && (!first || each.name < first->name)) first = each;
    return true;
  });
  if (!first) return std::nullopt;
  return first->id;
}

std::optional<MailboxId> nextListed(const store::Snapshot& snapshot, MailboxId directory) {
  const auto record = snapshot.mailbox(directory);
  if (!record || directory == kRoot) return std::nullopt;
  auto next = firstListed(snapshot, record->parent, directory.value);
  if (!next) return record->parent;  // its messages come last
  while (const auto below = firstListed(snapshot, *next, 0)) next = below;
  return next;
}

std::optional<MailboxId> nextBackwards(const store::Snapshot& snapshot, MailboxId directory) {
  auto next = lastListed(snapshot, directory, std::numeric_limits<uint64_t>::max());
  for (MailboxId at = directory; !next && at != kRoot;) {
    const auto record = snapshot.mailbox(at);
    if (!record) break;
    next = lastListed(snapshot, record->parent, at.value);
    at = record->parent;
  }
  return next;
}

std::optional<MailboxId> nextByName(const store::Snapshot& snapshot, MailboxId directory) {
  auto next = firstByName(snapshot, directory, "");
  for (MailboxId at = directory; !next && at != kRoot;) {
    const auto record = snapshot.mailbox(at);
    if (!record) break;
    next = firstByName(snapshot, record->parent, record->name);
    at = record->parent;
  }
  return next;
}

}  // namespace

std::optional<MailboxId> directoryAfter(const store::Snapshot& snapshot, MailboxId directory,
                                        TreeOrder order) {
  switch (order) {
    case TreeOrder::listed:
      return nextListed(snapshot, directory);
    case TreeOrder::backwards:
      return nextBackwards(snapshot, directory);
    case TreeOrder::by_name:
      return nextByName(snapshot, directory);
  }
  return std::nullopt;
}

}  // namespace emlfs
