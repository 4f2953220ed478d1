#include "account/walks.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace emlfs {

using store::MessageRecord;

void Walks::makeRoom() {
  while (directories_.size() >= kMostDirectories)
    directories_.erase(std::ranges::min_element(directories_, {},
                                                [](const auto& each) { return each.second.used; }));
}

Walks::Directory Walks::newDirectory() {
  Directory made;
  for (size_t i = 0; i < made.walks.size(); ++i) made.walks.at(i).order = static_cast<Order>(i);
  return made;
}

Walks::Directory& Walks::directoryOf(MailboxId id) {
  auto found = directories_.find(id);
  if (found == directories_.end()) {
    makeRoom();
    Directory made = newDirectory();
    const auto latest = std::ranges::max_element(
        directories_, {}, [](const auto& each) { return each.second.read ? each.second.used : 0; });
    if (latest != directories_.end()) made.to_the_end = latest->second.to_the_end;
    // Who went through one directory to its end goes through the next as well.
    for (size_t i = 0; i < made.walks.size(); ++i) {
      uint64_t used = 0;
      for (const auto& [before, directory] : directories_) {
        const Walk& walk = directory.walks.at(i);
        if (!isRecent(directory) || directory.used < used || !walk.atItsEnd()) continue;
        used = directory.used;
        made.walks.at(i).follows = before;
        made.walks.at(i).window = walk.window;
        made.walks.at(i).most_cached = walk.most_cached;
      }
    }
    found = directories_.try_emplace(id, std::move(made)).first;
  }
  found->second.used = ++uses_;
  found->second.read = true;
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
  directory.large_read_to = kReadAtOnce;
  if (message.size > kLarge) directory.large = message.id;

  const auto best = [&] { return std::ranges::max_element(directory.walks, {}, &Walk::steps); };
  // Whoever goes on as expected tells nothing of the other orders, which cost more to look at than
  // all the rest.
  auto walk = best();
  if (walk->steps < kWalking || !advance(snapshot, *shown, *walk, message.id)) {
    for (Walk& each : directory.walks)
      if (!advance(snapshot, *shown, each, message.id)) stray(snapshot, *shown, each, message);
    walk = best();
  }
  if (walk->steps < kWalking) return {};
  return ask(snapshot, *shown, walk->order, cached, directory.to_the_end);
}

void Walks::goesOn(MessageId id, uint64_t offset, uint64_t size) {
  for (auto& [mailbox, directory] : directories_) {
    // READs that are on their way together come in any order.
    if (directory.large != id || offset > directory.large_read_to + kReadAtOnce) continue;
    directory.large_read_to = std::max(directory.large_read_to, offset + size);
    if (directory.large_read_to <= kLarge) continue;
    directory.large.reset();
    directory.to_the_end = true;
  }
}

bool Walks::advance(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                    MessageId message) {
  const bool walking = walk.steps >= kWalking;
  const auto reach = walk.coming.begin() +
                     static_cast<std::ptrdiff_t>(walking ? walk.coming.size()
                                                         : std::min(kNear, walk.coming.size()));
  const auto found = std::find_if(walk.coming.begin(), reach,
                                  [&](const Coming& each) { return each.id == message; });
  if (found == reach) return false;
  // The very next one says more than one that is near.
  walk.steps = std::min(walk.steps + (found == walk.coming.begin() ? 2 : 1), kMostSteps);
  for (auto at = walk.coming.begin(); at <= found; ++at) walk.passed.push_back(at->id);
  while (walk.passed.size() > kRemembered) walk.passed.pop_front();
  walk.coming.erase(walk.coming.begin(), found + 1);
  look(snapshot, directory, walk, kNear);
  return true;
}

void Walks::stray(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                  const MessageRecord& message) const {
  if (std::ranges::find(walk.passed, message.id) == walk.passed.end() && --walk.steps < kWalking) {
    const bool goes_on = walk.follows && isFirst(snapshot, directory, walk.order, message);
    const Walk before = std::exchange(walk, {});
    walk.order = before.order;
    if (goes_on) {
      walk.in_tree = beyond(snapshot, *before.follows, walk.order) == directory;
      walk.steps = kWalking;
      walk.window = before.window;
      walk.most_cached = before.most_cached;
    }
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
    if (store::shownIn(message) == directory) walk.coming.push_back({message.id, message.size});
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

}  // namespace emlfs
