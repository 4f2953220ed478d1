#include "support/meddler.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <utility>

#include "support/proof_mail.h"

namespace emlfs::test {
namespace {

constexpr size_t kFewMessages = 10;
constexpr size_t kManyMessages = 50;
constexpr size_t kMostMailboxes = 6;

}  // namespace

Changes& Changes::operator+=(const Changes& other) {
  appended += other.appended;
  moved += other.moved;
  flagged += other.flagged;
  expunged += other.expunged;
  created += other.created;
  renamed += other.renamed;
  deleted += other.deleted;
  return *this;
}

std::string text(const Changes& changes) {
  return fmt::format(
      "{} appended, {} moved, {} flagged, {} expunged; mailboxes: {} created, {} renamed, {} "
      "deleted",
      changes.appended, changes.moved, changes.flagged, changes.expunged, changes.created,
      changes.renamed, changes.deleted);
}

Meddler::Meddler(const Dovecot& server, std::vector<std::string> busy, std::string own,
                 uint64_t seed)
    : client_(server), busy_(std::move(busy)), own_(std::move(own)), random_(seed) {}

void Meddler::run(Deadline deadline, Milliseconds pause) {
  while (!deadline.passed()) {
    changeMessages(deadline, pause);
    changeTree();
  }
}

void Meddler::changeMessages(Deadline deadline, Milliseconds pause) {
  const std::string mailbox = busy_.at(below(busy_.size()));
  client_.expectOk(fmt::format("SELECT \"{}\"", mailbox));
  for (uint64_t left = 1 + below(8); left > 0 && !deadline.passed(); --left) {
    changeMessage(mailbox);
    // A rate, so that the clients of a slow build see as much of it.
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

void Meddler::changeMessage(const std::string& mailbox) {
  const auto uids = client_.search(fmt::format("UNKEYWORD {}", kAnchorKeyword));
  const uint64_t kind = below(100);
  if (uids.size() < kFewMessages || (kind < 30 && uids.size() < kManyMessages)) {
    append(mailbox);
    return;
  }
  const Uid uid = uids.at(below(uids.size()));
  if (kind < 50) {
    // One or a few, and sometimes to where they are.
    const auto answer = client_.command(fmt::format(
        "UID MOVE {}:{} \"{}\"", uid, uid + (kind < 45 ? 0 : 3), busy_.at(below(busy_.size()))));
    if (answer.ok) ++changes_.moved;  // NO: another client was there first
  } else if (kind < 70) {
    constexpr std::array kFlags{"\\Seen", "\\Flagged", "\\Answered", "$Work", "\\Seen $Later"};
    const std::string of = kind < 65 ? std::to_string(uid) : "1:*";
    client_.expectOk(fmt::format("UID STORE {} {}FLAGS.SILENT ({})", of, below(2) == 0 ? '+' : '-',
                                 kFlags.at(below(kFlags.size()))));
    ++changes_.flagged;
  } else {
    client_.expectOk(fmt::format("UID STORE {} +FLAGS.SILENT (\\Deleted)", uid));
    client_.expectOk(fmt::format("UID EXPUNGE {}", uid));
    ++changes_.expunged;
  }
}

void Meddler::append(const std::string& mailbox) {
  const uint64_t kind = below(100);
  const size_t size = kind < 80 ? 300 + below(4'000) : kind < 95 ? below(60'000) : below(400'000);
  const auto answer =
      client_.append(mailbox, below(2) == 0 ? "\\Seen" : "", proofMessage({random_(), size}));
  if (answer.ok) ++changes_.appended;
}

std::string Meddler::newName() {
  return fmt::format("{}/{}-{}", below(2) == 0 ? own_ : "Other", own_, ++named_);
}

// NO is fine: a parent of the same name, or another client was there first.
void Meddler::changeTree() {
  const uint64_t kind = below(4);
  if (mailboxes_.size() < 2 || (kind == 0 && mailboxes_.size() < kMostMailboxes)) {
    const std::string name = newName();
    if (!client_.command(fmt::format("CREATE \"{}\"", name)).ok) return;
    ++changes_.created;
    mailboxes_.push_back(name);
    append(name);
    append(name);
  } else if (std::string& mailbox = mailboxes_.at(below(mailboxes_.size())); kind < 3) {
    const std::string name = newName();
    if (!client_.command(fmt::format("RENAME \"{}\" \"{}\"", mailbox, name)).ok) return;
    ++changes_.renamed;
    mailbox = name;
  } else {
    client_.expectOk("SELECT INBOX");  // Dovecot hangs up on who has it selected
    if (!client_.command(fmt::format("DELETE \"{}\"", mailbox)).ok) return;
    ++changes_.deleted;
    std::swap(mailbox, mailboxes_.back());
    mailboxes_.pop_back();
  }
}

}  // namespace emlfs::test
