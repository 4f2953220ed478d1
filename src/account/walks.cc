#include "account/walks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "account/tree_order.h"

namespace emlfs {

using store::MessageRecord;

namespace {

// Directories without messages that are passed on the way to the next one.
constexpr int kMostEmpty = 64;

}  // namespace

void Walks::makeRoom() {
  while (directories_.size() >= kMostDirectories)
    directories_.erase(std::ranges::min_element(directories_, {},
                                                [](const auto& each) { return each.second.used; }));
}

Walks::Directory& Walks::directoryOf(MailboxId id) {
  auto found = directories_.find(id);
  if (found == directories_.end()) {
    makeRoom();
    const auto latest = std::ranges::max_element(
        directories_, {}, [](const auto& each) { return each.second.read ? each.second.used : 0; });
    Directory made;
    // Who went through one directory to its end goes through the next as well.
    if (latest != directories_.end()) made.to_the_end = latest->second.to_the_end;
    for (size_t i = 0; i < made.walks.size(); ++i) {
      Walk& walk = made.walks.at(i);
      walk.order = static_cast<Order>(i);
      if (latest == directories_.end() || !latest->second.walks.at(i).atItsEnd()) continue;
      walk.follows = latest->first;
      walk.window = latest->second.walks.at(i).window;
    }
    found = directories_.try_emplace(id, std::move(made)).first;
  }
  found->second.used = ++uses_;
  found->second.read = true;
  return found->second;
}

Walks::Walk& Walks::walkInto(MailboxId directory, const Walk& from, bool to_the_end) {
  auto found = directories_.find(directory);
  if (found == directories_.end()) {
    makeRoom();
    Directory made;
    made.to_the_end = to_the_end;
    for (size_t i = 0; i < made.walks.size(); ++i) made.walks.at(i).order = static_cast<Order>(i);
    found = directories_.try_emplace(directory, std::move(made)).first;
  }
  found->second.used = ++uses_;  // so that the path to it stays
  Walk& walk = found->second.walks.at(static_cast<size_t>(from.order));
  if (walk.steps == 0 && walk.coming.empty()) {
    walk.steps = kWalking;
    walk.window = from.window;
    walk.in_tree = true;
    if (walk.order == Order::down) walk.end_uid = std::numeric_limits<Uid>::max();
  }
  return walk;
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
  return {ask(snapshot, *shown, best.order, cached, directory.to_the_end), directory.to_the_end};
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
    const Walk before = std::exchange(walk, {});
    walk.order = before.order;
    if (goes_on) {
      walk.steps = kWalking;
      walk.window = before.window;
      walk.in_tree = beyond(snapshot, *before.follows, walk.order) == directory;
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

std::optional<MailboxId> Walks::beyond(const store::Snapshot& snapshot, MailboxId directory,
                                       Order order) {
  std::optional<MailboxId> next = directory;
  for (int i = 0; i < kMostEmpty; ++i) {
    next = directoryAfter(snapshot, *next,
                          order == Order::name ? TreeOrder::by_name : TreeOrder::listed);
    if (!next) return std::nullopt;
    const auto record = snapshot.mailbox(*next);
    if (!record || !record->selectable) continue;
    if (!record->state.complete) return std::nullopt;  // what comes then is not known yet
    Walk any;
    look(snapshot, *next, any, 1);
    if (!any.coming.empty()) return next;
  }
  return std::nullopt;
}

std::vector<MessageRecord> Walks::ask(const store::Snapshot& snapshot, MailboxId directory,
                                      Order order, const Cached& cached, bool to_the_end) {
  const auto walkIn = [&](MailboxId id) -> Walk& {
    return directories_.at(id).walks.at(static_cast<size_t>(order));
  };
  std::vector<MailboxId> path{directory};
  const auto goBeyond = [&] {
    const Walk& walk = walkIn(path.back());
    if (!walk.in_tree || !walk.ended || path.size() > kFarthest) return false;
    const auto next = beyond(snapshot, path.back(), order);
    if (!next || std::ranges::find(path, *next) != path.end()) return false;
    walkInto(*next, walk, to_the_end);
    path.push_back(*next);
    return true;
  };
  uint64_t asked = 0;
  const uint64_t window = walkIn(directory).window;
  bool all = true;  // that is known of the path so far has been asked for
  do {
    for (const Coming& each : walkIn(path.back()).coming) {
      all = all && each.asked;
      if (each.asked) asked += each.bytes;
    }
  } while (all && asked <= window / 2 && goBeyond());
  std::vector<MessageRecord> messages;
  if (asked > window / 2) return messages;

  uint64_t left = window - asked;
  size_t at = 0;
  while (take(snapshot, path[at], walkIn(path[at]), cached, to_the_end, left, messages)) {
    if (++at == path.size() && !goBeyond()) break;
  }
  if (!messages.empty())
    for (const MailboxId id : path)
      walkIn(id).window = std::max(walkIn(id).window, std::min(window * 2, largest_window_));
  return messages;
}

bool Walks::take(const store::Snapshot& snapshot, MailboxId directory, Walk& walk,
                 const Cached& cached, bool to_the_end, uint64_t& left,
                 std::vector<MessageRecord>& messages) {
  for (size_t at = 0; left > 0 && messages.size() < kMostAtOnce; ++at) {
    look(snapshot, directory, walk, at + 1);
    if (at >= walk.coming.size()) return true;
    Coming& coming = walk.coming[at];
    if (std::exchange(coming.asked, true)) continue;
    auto message = snapshot.message(coming.id);
    if (!message || message->uid == 0 || cached(coming.id)) continue;
    coming.bytes = to_the_end ? message->size : std::min(message->size, kLarge);
    left -= std::min(left, coming.bytes);
    messages.push_back(std::move(*message));
  }
  return false;
}

}  // namespace emlfs
