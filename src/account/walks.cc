#include "account/walks.h"

#include <algorithm>
#include <limits>

namespace emlfs {

using store::MessageRecord;

Walks::Directory& Walks::directoryOf(MailboxId id) {
  auto found = directories_.find(id);
  if (found == directories_.end()) {
    if (directories_.size() >= kMostDirectories)
      directories_.erase(std::ranges::min_element(
          directories_, {}, [](const auto& each) { return each.second.used; }));
    const auto latest = std::ranges::max_element(directories_, {},
                                                 [](const auto& each) { return each.second.used; });
    Directory made;
    auto& [up, down, name] = made.walks;
    down.order = Order::down;
    name.order = Order::name;
    // Who went through one directory to its end goes through the next as well.
    if (latest != directories_.end()) {
      made.to_the_end = latest->second.to_the_end;
      for (size_t i = 0; i < made.walks.size(); ++i)
        made.walks.at(i).follows = latest->second.walks.at(i).atItsEnd();
    }
    found = directories_.try_emplace(id, std::move(made)).first;
  }
  found->second.used = ++uses_;
  return found->second;
}

Walks::Ahead Walks::begins(const store::Snapshot& snapshot, const MessageRecord& message,
                           const Cached& cached) {
  const auto shown = store::shownIn(message);
  if (!shown) return {};
  Directory& directory = directoryOf(*shown);
  if (directory.last == message.id) return {};
  directory.last = message.id;
  if (directory.large) directory.to_the_end = false;
  directory.large.reset();
  if (message.size > kLarge) directory.large = message.id;

  for (Walk& walk : directory.walks) step(snapshot, *shown, walk, message);
  Walk& best = *std::ranges::max_element(directory.walks, {}, &Walk::steps);
  if (best.steps < kWalking) return {};
  return {ask(snapshot, *shown, best, cached, directory.to_the_end), directory.to_the_end};
}

void Walks::goesOn(MessageId id) {
  for (auto& [mailbox, directory] : directories_) {
    if (directory.large != id) continue;
    directory.large.reset();
    directory.to_the_end = true;
  }
}

void Walks::step(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                 const MessageRecord& message) {
  const bool walking = walk.steps >= kWalking;
  const auto reach = walk.coming.begin() +
                     static_cast<std::ptrdiff_t>(walking ? walk.coming.size()
                                                         : std::min(kNear, walk.coming.size()));
  const auto found = std::find_if(walk.coming.begin(), reach,
                                  [&](const Coming& each) { return each.id == message.id; });
  if (found != reach) {
    // The very next one says more than one that is near.
    walk.steps = std::min(walk.steps + (found == walk.coming.begin() ? 2 : 1), kMostSteps);
    for (auto at = walk.coming.begin(); at <= found; ++at) walk.passed.push_back(at->id);
    while (walk.passed.size() > kRemembered) walk.passed.pop_front();
    walk.coming.erase(walk.coming.begin(), found + 1);
  } else if (std::ranges::find(walk.passed, message.id) == walk.passed.end() &&
             --walk.steps < kWalking) {
    const bool goes_on = walk.follows && isFirst(snapshot, directory, walk.order, message);
    const Order order = walk.order;
    walk = {};
    walk.order = order;
    walk.steps = goes_on ? kWalking : 0;
    walk.passed.push_back(message.id);
    walk.end_uid = message.uid;
    walk.end_name = message.name;
  }
  look(snapshot, directory, walk, kNear);
}

bool Walks::isFirst(const store::Snapshot& snapshot, MailboxId directory, Order order,
                    const MessageRecord& message) {
  Walk beginning;
  beginning.order = order;
  if (order == Order::down) beginning.end_uid = std::numeric_limits<Uid>::max();
  look(snapshot, directory, beginning, 1);
  return !beginning.coming.empty() && beginning.coming.front().id == message.id;
}

void Walks::look(const store::Snapshot& snapshot, MailboxId directory, Walk& walk, size_t count) {
  if (walk.ended || walk.coming.size() >= count) return;
  // More at once than are needed now: to begin costs more than to go on.
  const size_t wanted = count + kNear;
  const auto take = [&](const MessageRecord& message) {
    walk.end_uid = message.uid;
    if (walk.order == Order::name) walk.end_name = message.name;
    if (store::shownIn(message) == directory) walk.coming.push_back({message.id});
    return walk.coming.size() < wanted;
  };
  switch (walk.order) {
    case Order::up:
      snapshot.messages(directory, walk.end_uid, take);
      break;
    case Order::down:
      snapshot.messagesBefore(directory, walk.end_uid, take);
      break;
    case Order::name:
      snapshot.byName(directory, walk.end_name, take);
      break;
  }
  walk.ended = walk.coming.size() < wanted;
}

std::vector<MessageRecord> Walks::ask(const store::Snapshot& snapshot, MailboxId directory,
                                      Walk& walk, const Cached& cached, bool to_the_end) const {
  uint64_t asked = 0;
  size_t first = 0;  // that was not asked for
  for (const Coming& each : walk.coming) {
    if (!each.asked) break;
    asked += each.bytes;
    ++first;
  }
  std::vector<MessageRecord> messages;
  if (asked > walk.window / 2) return messages;
  for (size_t at = first; asked < walk.window && at < first + kMostAtOnce; ++at) {
    look(snapshot, directory, walk, at + 1);
    if (at >= walk.coming.size()) break;
    Coming& coming = walk.coming[at];
    coming.asked = true;
    auto message = snapshot.message(coming.id);
    if (!message || message->uid == 0 || cached(coming.id)) continue;
    coming.bytes = to_the_end ? message->size : std::min(message->size, kLarge);
    asked += coming.bytes;
    messages.push_back(std::move(*message));
  }
  if (!messages.empty()) walk.window = std::min(walk.window * 2, largest_window_);
  return messages;
}

}  // namespace emlfs
