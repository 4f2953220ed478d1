// What is to be there before a walk comes to it: in its directory, and in the next ones of the
// tree.
#include <algorithm>
#include <limits>
#include <utility>

#include "account/tree_order.h"
#include "account/walks.h"

namespace emlfs {
namespace {

// Directories without messages that are passed on the way to the next one.
constexpr int kMostEmpty = 64;

}  // namespace

Walks::Ahead Walks::ask(const store::Snapshot& snapshot, MailboxId directory, Order order,
                        const Cached& cached, bool to_the_end) {
  std::vector<MailboxId> path{directory};
  const auto goBeyond = [&] {
    Walk& walk = walkIn(path.back(), order);
    if (!walk.in_tree || !walk.ended || path.size() > kFarthest) return false;
    if (!walk.next && --walk.next_in < 0) {
      walk.next = beyond(snapshot, path.back(), order);
      walk.next_in = kAgain;
    }
    if (!walk.next || std::ranges::find(path, *walk.next) != path.end()) return false;
    walkInto(*walk.next, walk, to_the_end);
    path.push_back(*walk.next);
    return true;
  };

  Walk& walk = walkIn(directory, order);
  uint64_t asked = 0;
  uint64_t fetched = 0;  // of that, from the server
  size_t given = 0;
  bool all = true;  // that is known of the path so far has been asked for
  do {
    for (const Coming& each : walkIn(path.back(), order).coming) {
      all = all && (each.asked || (each.passed && path.size() > 1));
      if (!each.asked) continue;
      asked += each.bytes;
      fetched += each.silent ? 0 : each.bytes;
      given += each.silent && path.size() == 1 ? 1 : 0;
    }
  } while (all && asked <= walk.window / 2 && goBeyond());
  Ahead ahead{.messages = {}, .cached = {}, .to_the_end = to_the_end};
  if (asked > walk.window / 2 || given > walk.given / 2) return ahead;

  const uint64_t most_fetched = std::min(walk.window, limit_);
  Room left{walk.window - std::min(asked, walk.window),
            fetched > most_fetched / 2 ? 0 : most_fetched - fetched};
  const auto first = static_cast<size_t>(std::ranges::find(walk.coming, false, &Coming::asked) -
                                         walk.coming.begin());
  bool exhausted = take(snapshot, directory, walk, true, cached, left, ahead);
  walk.given = ahead.cached.size();
  if (!exhausted) leaveOne(walk, first, ahead.cached);
  for (size_t at = 1; exhausted && left.all > 0 && (at < path.size() || goBeyond()); ++at)
    exhausted = take(snapshot, path[at], walkIn(path[at], order), false, cached, left, ahead);

  if (ahead.messages.empty() && ahead.cached.empty()) return ahead;
  const uint64_t larger = std::min(walk.window * 2, largest_window_);
  walk.most_cached = std::min(walk.most_cached * 2, kMostAtOnce);
  for (const MailboxId id : path) {
    Walk& each = walkIn(id, order);
    each.window = std::max(each.window, larger);
    each.most_cached = std::max(each.most_cached, walk.most_cached);
  }
  return ahead;
}

bool Walks::take(const store::Snapshot& snapshot, MailboxId directory, Walk& walk, bool read,
                 const Cached& cached, Room& left, Ahead& ahead) {
  const auto isDue = [&](const Coming& each) { return !each.asked && (read || !each.passed); };
  size_t looked_at = 0;
  for (size_t at = 0; left.all > 0; ++at) {
    look(snapshot, directory, walk, at + 1);
    if (at >= walk.coming.size()) return true;
    Coming& coming = walk.coming[at];
    if (!isDue(coming)) continue;
    if (++looked_at > kMostAtOnce || ahead.cached.size() >= walk.most_cached) return false;
    const bool is_cached = cached(coming.id);
    coming.passed = is_cached && !read;
    if (coming.passed) continue;
    if (!is_cached && left.fetched == 0) return false;
    coming.asked = true;
    if (is_cached) {
      if (coming.size > kLarge || at < kLead) continue;
      coming.bytes = coming.size;
      coming.silent = true;
      ahead.cached.push_back(coming.id);
    } else {
      auto message = snapshot.message(coming.id);
      if (!message || message->uid == 0) continue;
      coming.bytes = ahead.to_the_end ? message->size : std::min(message->size, kLarge);
      ahead.messages.push_back(std::move(*message));
    }
    left.all -= std::min(left.all, coming.bytes);
    if (!is_cached) left.fetched -= std::min(left.fetched, coming.bytes);
  }
  return false;
}

void Walks::leaveOne(Walk& walk, size_t first, std::vector<MessageId>& cached) {
  uint64_t asked = 0;
  size_t end = first;
  for (; end < walk.coming.size() && walk.coming[end].asked; ++end) asked += walk.coming[end].bytes;
  uint64_t behind = 0;
  size_t given = 0;
  while (end > first) {
    Coming& coming = walk.coming[--end];
    behind += coming.bytes;
    given += coming.silent ? 1 : 0;
    if (end != first && 2 * behind < asked && 2 * given < cached.size()) continue;
    if (coming.silent) std::erase(cached, coming.id);
    coming.silent = false;
    return;
  }
}

std::optional<MailboxId> Walks::beyond(const store::Snapshot& snapshot, MailboxId directory,
                                       Order order) const {
  static constexpr std::array kTreeOrders{TreeOrder::listed, TreeOrder::backwards,
                                          TreeOrder::by_name};
  std::optional<MailboxId> next = directory;
  for (int i = 0; i < kMostEmpty; ++i) {
    next = directoryAfter(snapshot, *next, kTreeOrders.at(static_cast<size_t>(order)));
    if (!next) return std::nullopt;
    if (isBeingRead(*next, order)) continue;
    const auto record = snapshot.mailbox(*next);
    if (!record || !record->selectable) continue;
    if (!record->state.complete) return std::nullopt;  // what comes then is not known yet
    Walk any;
    look(snapshot, *next, any, 1);
    if (!any.coming.empty()) return next;
  }
  return std::nullopt;
}

bool Walks::isBeingRead(MailboxId directory, Order order) const {
  const auto found = directories_.find(directory);
  if (found == directories_.end() || !isRecent(found->second)) return false;
  const Walk& walk = found->second.walks.at(static_cast<size_t>(order));
  return walk.steps > 0 && !walk.atItsEnd();
}

void Walks::walkInto(MailboxId directory, const Walk& from, bool to_the_end) {
  auto found = directories_.find(directory);
  if (found == directories_.end()) {
    makeRoom();
    found = directories_.try_emplace(directory, newDirectory()).first;
    found->second.to_the_end = to_the_end;
  }
  found->second.used = ++uses_;  // so that the path to it stays
  Walk& walk = found->second.walks.at(static_cast<size_t>(from.order));
  if (walk.steps != 0 || !walk.coming.empty()) return;
  walk.steps = kWalking;
  walk.window = from.window;
  walk.most_cached = from.most_cached;
  walk.in_tree = true;
  if (walk.order == Order::down) walk.end_uid = std::numeric_limits<Uid>::max();
}

}  // namespace emlfs
