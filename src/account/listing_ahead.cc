#include "account/listing_ahead.h"

#include <algorithm>
#include <utility>

namespace emlfs {
namespace {

bool wanted(const store::MailboxRecord& record) {
  return record.selectable && !record.unborn && !record.hidden && !record.state.complete;
}

// Behind this one first, and then from the beginning.
std::deque<MailboxId> behind(const store::Snapshot& snapshot, MailboxId directory) {
  const auto here = snapshot.mailbox(directory);
  auto all = snapshot.mailboxes();
  std::erase_if(all, [](const auto& each) { return !wanted(each); });
  std::ranges::sort(all, {}, [&](const store::MailboxRecord& each) {
    return std::pair(here && each.wire < here->wire, each.wire);
  });
  std::deque<MailboxId> ids;
  for (const auto& each : all) ids.push_back(each.id);
  return ids;
}

}  // namespace

std::vector<MailboxId> ListingAhead::visits(const store::Snapshot& snapshot, MailboxId directory,
                                            Clock::time_point now) {
  if (now - last_ > kSoon) *this = {};
  last_ = now;
  if (visited_.size() < kWalking) {
    if (!visited_.insert(directory).second || visited_.size() < kWalking) return {};
    rest_ = behind(snapshot, directory);
  }
  const auto isWanted = [&](MailboxId id) {
    const auto record = snapshot.mailbox(id);
    return record && wanted(*record);
  };
  std::erase_if(under_way_, [&](MailboxId id) { return !isWanted(id); });
  std::vector<MailboxId> ahead;
  for (; !rest_.empty() && under_way_.size() < kAhead; rest_.pop_front()) {
    if (rest_.front() == directory || !isWanted(rest_.front())) continue;
    under_way_.push_back(rest_.front());
    ahead.push_back(rest_.front());
  }
  return ahead;
}

}  // namespace emlfs
