#include "sync/mailbox_replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "emlfs/base/error.h"
#include "emlfs/base/log.h"
#include "emlfs/sync/change.h"
#include "sync/mailbox_sent.h"
#include "sync/namespaces.h"
#include "sync/overlay.h"
#include "sync/sent.h"
#include "sync/tree_update.h"

namespace emlfs::sync {
namespace {

using store::Change;

const ListEntry* find(const std::vector<ListEntry>& list, const std::string& wire) {
  const auto at = std::find_if(list.begin(), list.end(),
                               [&](const ListEntry& entry) { return entry.wire == wire; });
  return at == list.end() ? nullptr : &*at;
}

bool anyBelow(const std::vector<ListEntry>& list, const std::string& wire) {
  return std::any_of(list.begin(), list.end(),
                     [&](const ListEntry& entry) { return entry.wire != wire; });
}

class MailboxReplay {
 public:
  MailboxReplay(imap::Session& session, Store store, const Change& change,
                const OnChange& on_change)
      : session_(session),
        store_(store),
        pending_(*store.pending),
        change_(change),
        on_change_(on_change),
        delimiter_(delimiterOf(storedNamespaces(*store.cache.snapshot()))) {}

  void create() {
    const std::string wire = realName(change_.mailbox);
    begin();
    try {
      session_.create(wire);
    } catch (const Error& error) {
      // By us, and the answer was lost; or by another client, who wanted the same.
      if (error.code != Code::exists) throw;
    }
    subscribe(wire);
    std::optional<MailboxStatus> status;
    convenience([&] { status = statusOf(wire); });
    finish(change_.mailbox, wire, status.value_or(MailboxStatus{}));
  }

  void giveName() {
    const std::string& from = change_.mailbox;
    const std::string to = realName(change_.other);
    const bool there = isThere(from);
    const bool taken = isThere(to);
    bool done = false;
    if (change_.state == Change::State::begun)
      done = taken && (!there || statusOf(to).uid_validity == change_.destination.uid_validity);
    if (!done && !there) {
      log::info("{} is gone, and was not renamed", from);
      drop();
      return;
    }
    if (!done && taken)
      throw Error(Code::exists, Scope::mailbox,
                  fmt::format("can't rename {}: there is a mailbox {} already", from, to));
    if (!done) {
      change_.destination.uid_validity = statusOf(from).uid_validity;
      begin();
      rename(from, to);
    }
    const auto renamed = list(to);
    if (!isThere(renamed, to))
      throw Error(Code::refused, Scope::mailbox,
                  fmt::format("the server said OK, and did not rename {}", from));
    // Servers leave subscriptions where they were.
    for (const auto& entry : renamed) {
      if (!entry.selectable) continue;
      subscribe(entry.wire);
      unsubscribe(from + entry.wire.substr(to.size()));
    }
    finish(from, to, {});
  }

  void remove() {
    const std::string& wire = change_.mailbox;
    // Also of one that was refused and is tried again: it may not have been put back.
    const bool aside = !change_.other.empty() && isThere(change_.other);
    if (!aside) {
      const auto there = list(wire);
      if (!isThere(there, wire)) {
        // What another client has below a level keeps it.
        const bool level = find(there, wire) != nullptr && !anyBelow(there, wire);
        if (level) convenience([&] { session_.remove(wire); });
        gone();
        return;
      }
      if (isAnother(wire)) {
        gone();
        return;
      }
      if (anyBelow(there, wire)) refuseFull();
      change_.destination.uid_validity = statusOf(wire).uid_validity;
      change_.other = asideName();
      begin();
      rename(wire, change_.other);
    }
    try {
      removeAside();
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox) throw;
      putBack();
      if (refuse_) throw;
    }
  }

 private:
  // Never given twice: Cyrus keeps what is deleted, by name and second, and refuses the second of
  // one second. What is nearly as long as names may be (255 bytes in Dovecot) takes another.
  std::string asideName() const {
    constexpr size_t kLongest = 200;
    const std::string level = lastLevel(change_.mailbox, delimiter_);
    const std::string above = change_.mailbox.substr(0, change_.mailbox.size() - level.size());
    // A "~" in front stands for somebody's home with Dovecot.
    return above + (level.size() > kLongest ? "" : level + "~") +
           fmt::format("emlfs-removing-{}-{}", change_.number, change_.destination.uid_validity);
  }

  // Courier renames nothing while the session has a mailbox open that is below it.
  void rename(const std::string& from, const std::string& to) {
    if (!session_.selected().empty()) session_.unselect();
    session_.rename(from, to);
  }

  // Of a mailbox that is selected Dovecot tells what it was, though it has another name by now.
  MailboxStatus statusOf(const std::string& wire) {
    if (session_.selected() == wire) session_.unselect();
    return session_.status(wire);
  }

  std::vector<ListEntry> list(const std::string& wire) {
    try {
      return session_.listBelow(wire, delimiter_);
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox) throw;
      doubtful(wire, error);
    }
  }

  // What was begun may have happened, and pending changes in the mailbox would be void if it were
  // taken back: it is tried again. Else the server is as before.
  [[noreturn]] void doubtful(const std::string& wire, const Error& error) const {
    const bool begun = change_.state == Change::State::begun;
    throw Error(begun ? Code::busy : error.code, begun ? Scope::connection : Scope::mailbox,
                fmt::format("whether {} is there is not known: {}", wire, error.what()),
                error.server);
  }

  bool isThere(const std::string& wire) { return isThere(list(wire), wire); }

  // Dovecot 2.3 may leave out of a list, or call a mere level, what it knows when asked.
  bool isThere(const std::vector<ListEntry>& list, const std::string& wire) {
    const ListEntry* const listed = find(list, wire);
    if (listed != nullptr && listed->selectable) return true;
    try {
      statusOf(wire);
      return true;
    } catch (const Error& error) {
      if (error.scope != Scope::mailbox) throw;
      if (error.code == Code::denied) return true;
      // That a level holds no messages is said as what can never be.
      if (error.code == Code::not_found || error.code == Code::invalid) return false;
      doubtful(wire, error);
    }
  }

  // What we were to remove is gone, and another has its name.
  bool isAnother(const std::string& wire) {
    const auto before = change_.destination.uid_validity;
    return change_.state == Change::State::begun && before != 0 &&
           statusOf(wire).uid_validity != before;
  }

  // Nobody delivers into it under this name, so what is in it is all there will be. Throws what
  // keeps it from being removed.
  void removeAside() {
    const std::string& aside = change_.other;
    const bool children = anyBelow(list(aside), aside);
    const auto now = session_.examine(aside);
    if (!children && now.messages == 0) {
      session_.remove(aside);
      gone();
      return;
    }
    const auto trash = trashOf(*store_.cache.snapshot());
    const bool hidden = !children && onlyDeleted(now.messages);
    const bool takes = trash && trash->inferiors;
    if (!hidden || !takes || isWithin(change_.mailbox, trash->wire, delimiter_)) refuseFull();
    moveIntoTrash(*trash);
  }

  bool onlyDeleted(uint32_t messages) {
    uint32_t deleted = 0;
    bool others = false;
    session_.fetchFlags(1, UINT32_MAX, 0, [&](FlagChange&& message) {
      if (message.flags.has("\\Deleted"))
        ++deleted;
      else
        others = true;
    });
    return !others && deleted >= messages;
  }

  void moveIntoTrash(const store::MailboxRecord& trash) {
    const std::string wanted = trash.wire + delimiter_ + lastLevel(change_.mailbox, delimiter_);
    const std::string wire = freeName(wanted);
    rename(change_.other, wire);
    subscribe(wire);
    unsubscribe(change_.mailbox);
    log::info("{} held deleted messages and is {} now", change_.mailbox, wire);
    finish(change_.mailbox, wire, {});
  }

  // In its place another may have been made meanwhile; then both are kept.
  void putBack() {
    const auto wire = freeName(change_.mailbox);
    rename(change_.other, wire);
    if (wire == change_.mailbox) {
      settleRenamed(session_, store_, 0, {wire, wire, delimiter_, {}}, {}, on_change_);
      return;
    }
    log::warning("{} was made anew while it was being removed; the old one is {} now",
                 change_.mailbox, wire);
    finish(change_.mailbox, wire, {});
    refuse_ = false;
  }

  [[noreturn]] void refuseFull() const {
    throw Error(Code::not_empty, Scope::mailbox,
                fmt::format("{} is not empty on the server", change_.mailbox));
  }

  std::string freeName(const std::string& wanted) {
    std::string name = wanted;
    for (unsigned n = 2; !list(name).empty(); ++n) name = fmt::format("{}-{}", wanted, n);
    return name;
  }

  void begin() {
    change_.state = Change::State::begun;
    pending_.step(change_);
  }

  void drop() {
    pending_.renaming();
    pending_.drop({change_});
    reshape(store_, on_change_);
  }

  void gone() {
    unsubscribe(change_.mailbox);
    settleRemoved(store_, change_, on_change_);
  }

  void finish(const std::string& from, const std::string& to,
              const std::optional<MailboxStatus>& status) {
    settleRenamed(session_, store_, change_.number, {from, to, delimiter_, {}}, status, on_change_);
  }

  // Without a subscription other clients may not show the mailbox; that is all.
  void subscribe(const std::string& wire) {
    convenience([&] { session_.subscribe(wire); });
  }
  void unsubscribe(const std::string& wire) {
    convenience([&] { session_.unsubscribe(wire); });
  }
  imap::Session& session_;
  const Store store_;
  Pending& pending_;
  Change change_;
  const OnChange& on_change_;
  const char delimiter_;
  bool refuse_ = true;
};

// Who made the change writes it into the journal first, and into the store in a moment.
bool isShown(Store store, const Change& change) {
  const auto all = store.cache.snapshot()->mailboxes();
  const auto at = std::find_if(all.begin(), all.end(), [&](const store::MailboxRecord& record) {
    return record.wire == change.mailbox && !record.hidden;
  });
  return (at != all.end()) == (change.kind != Change::Kind::remove_mailbox);
}

}  // namespace

void sendMailboxChange(imap::Session& session, Store store, const Change& change,
                       const OnChange& on_change) {
  if (!isShown(store, change)) reshape(store, on_change);
  MailboxReplay replay(session, store, change, on_change);
  if (change.kind == Change::Kind::create_mailbox) replay.create();
  if (change.kind == Change::Kind::rename_mailbox) replay.giveName();
  if (change.kind == Change::Kind::remove_mailbox) replay.remove();
}

}  // namespace emlfs::sync
