#include "sync/overlay.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace emlfs::sync {
namespace {

using store::Change;

// What can't be in a command (imap refuses it), and so is in no name that a server knows.
constexpr char kMark = '\n';

class Planner {
 public:
  Planner(const std::vector<ListEntry>& list, char delimiter) : delimiter_(delimiter) {
    for (const auto& entry : list) {
      PlannedMailbox one{entry, entry.wire};
      plan_.mailboxes.push_back(std::move(one));
    }
  }

  void create(const Change& change) {
    const std::string wanted = target(change.mailbox);
    for (auto& one : plan_.mailboxes) {
      const bool same = one.wire == change.mailbox || one.entry.wire == wanted;
      if (!same) continue;
      // It is there: we made it and have not heard so, or another client did, or it is a level.
      if (one.wire != change.mailbox) one.was = change.mailbox;
      one.entry.selectable = true;
      return;
    }
    PlannedMailbox made;
    made.entry.wire = wanted;
    made.entry.delimiter = delimiter_;
    made.wire = change.mailbox;
    made.id = MailboxId{change.id.value};
    made.unborn = true;
    plan_.mailboxes.push_back(std::move(made));
  }

  void rename(const Change& change) {
    const std::string wanted = target(change.other);
    const auto object = std::find_if(
        plan_.mailboxes.begin(), plan_.mailboxes.end(), [&](const PlannedMailbox& one) {
          return one.wire == change.mailbox || one.was == change.mailbox;
        });
    if (object == plan_.mailboxes.end()) {
      // It has happened, and the answer is not here yet. Or it is gone, and nothing will happen.
      if (change.state != Change::State::begun) return;
      const std::string now = realName(change.other);
      for (auto& one : plan_.mailboxes)
        if (isWithin(one.wire, now, delimiter_))
          one.was = change.mailbox + one.wire.substr(now.size());
      return;
    }
    // With all that will be below it then, wherever that is now.
    const std::string before = object->entry.wire;
    for (const auto& one : plan_.mailboxes)
      if (isWithin(one.entry.wire, wanted, delimiter_) &&
          !isWithin(one.entry.wire, before, delimiter_))
        return;
    for (auto& one : plan_.mailboxes)
      if (isWithin(one.entry.wire, before, delimiter_))
        one.entry.wire = wanted + one.entry.wire.substr(before.size());
  }

  void remove(const Change& change) {
    std::erase_if(plan_.mailboxes, [&](const PlannedMailbox& one) {
      const bool gone = one.wire == change.mailbox || one.was == change.mailbox ||
                        (!change.other.empty() && one.wire == change.other);
      if (gone) plan_.removed.insert({one.wire, change.mailbox});
      return gone;
    });
  }

  Plan result() { return std::move(plan_); }

 private:
  // Where a new name leads when what is above it has got its own.
  std::string target(const std::string& name) const {
    const std::string above = parentName(name, delimiter_);
    for (const auto& one : plan_.mailboxes) {
      if (above.empty() || (one.wire != above && one.was != above)) continue;
      return one.entry.wire + delimiter_ + realName(lastLevel(name, delimiter_));
    }
    return realName(name);
  }

  const char delimiter_;
  Plan plan_;
};

}  // namespace

bool ofMailboxes(const Change& change) {
  return change.kind == Change::Kind::create_mailbox ||
         change.kind == Change::Kind::rename_mailbox || change.kind == Change::Kind::remove_mailbox;
}

std::string provisionalName(std::string_view wire, MailboxId id) {
  return std::string(wire) + kMark + std::to_string(id.value & ~kDirectoryBit);
}

std::string realName(std::string_view wire) {
  std::string name;
  for (size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] != kMark) {
      name += wire[i];
      continue;
    }
    while (i + 1 < wire.size() && std::isdigit(static_cast<unsigned char>(wire[i + 1])) != 0) ++i;
  }
  return name;
}

bool isWithin(std::string_view wire, std::string_view above, char delimiter) {
  if (!wire.starts_with(above)) return false;
  return wire.size() == above.size() || (delimiter != 0 && wire[above.size()] == delimiter);
}

std::string parentName(std::string_view wire, char delimiter) {
  const size_t end = delimiter == 0 ? std::string_view::npos : wire.rfind(delimiter);
  return end == std::string_view::npos ? std::string() : std::string(wire.substr(0, end));
}

std::string lastLevel(std::string_view wire, char delimiter) {
  const size_t end = delimiter == 0 ? std::string_view::npos : wire.rfind(delimiter);
  return std::string(end == std::string_view::npos ? wire : wire.substr(end + 1));
}

Plan plan(const std::vector<ListEntry>& list, const std::vector<Change>& changes, char delimiter) {
  Planner planner(list, delimiter);
  for (const auto& change : changes) {
    if (change.kind == Change::Kind::create_mailbox) planner.create(change);
    if (change.kind == Change::Kind::rename_mailbox) planner.rename(change);
    if (change.kind == Change::Kind::remove_mailbox) planner.remove(change);
  }
  return planner.result();
}

}  // namespace emlfs::sync
