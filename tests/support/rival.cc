#include "support/rival.h"

#include <fmt/format.h>

#include <iterator>
#include <stdexcept>

#include "emlfs/mail/message.h"
#include "support/proof_mail.h"

namespace emlfs::test {
namespace {

constexpr size_t kFewOwn = 8;
constexpr size_t kFewContested = 4;  // in a mailbox, or there is nothing to contend over

template <class Container>
auto& nth(Container& container, size_t index) {
  return *std::next(container.begin(), static_cast<ptrdiff_t>(index));
}

}  // namespace

Rival::Rival(const ImapServer& server, std::vector<std::string> mailboxes, uint64_t seed)
    : client_(server), mailboxes_(std::move(mailboxes)), random_(seed) {}

std::string Rival::append(const std::string& mailbox, const std::string& flags) {
  const Proof proof{random_(), 300 + below(4'000)};
  const int64_t date = 1'500'000'000 + static_cast<int64_t>(below(100'000'000));
  const auto answer =
      client_.append(mailbox, flags, proofMessage(proof), emlfs::text(InternalDate{date, 0}));
  if (!answer.ok) throw std::runtime_error("APPEND: " + answer.text);
  dates_[proofName(proof)] = date;
  return proofName(proof);
}

void Rival::own(const std::string& message, const std::string& mailbox) {
  world_.put(message, {mailbox, {}, dates_.at(message)});
}

void Rival::mayFlag(const std::string& message, const std::string& mailbox) {
  flagged_in_[message] = mailbox;
  flagged_[message] = false;
}

std::string Rival::uidOf(const std::string& message, const std::string& mailbox) {
  client_.expectOk(fmt::format("SELECT \"{}\"", mailbox));
  const auto uids = client_.search(fmt::format("HEADER Message-ID \"<{}@example.org>\"", message));
  if (uids.size() != 1)
    throw std::runtime_error(
        fmt::format("{} copies of {} are in {}", uids.size(), message, mailbox));
  return std::to_string(uids.front());
}

void Rival::act() {
  const uint64_t kind = below(3);
  if (kind == 0) changeOwn();
  if (kind == 1) flagOne();
  if (kind == 2) contend();
  ++changes_;
}

void Rival::changeOwn() {
  if (world_.messages.size() < kFewOwn) {
    const std::string mailbox = anyMailbox();
    own(append(mailbox, ""), mailbox);
    return;
  }
  auto& [message, copies] = nth(world_.messages, below(world_.messages.size()));
  const std::string uid = uidOf(message, copies.front().mailbox);
  const uint64_t kind = below(10);
  if (kind < 5) {
    const std::string to = anyMailbox();
    client_.expectOk(fmt::format("UID MOVE {} \"{}\"", uid, to));
    world_.move(message, to);
  } else if (kind < 8) {
    const std::string change = below(2) == 0 ? "+\\Seen" : "-\\Seen";
    client_.expectOk(fmt::format("UID STORE {} {}FLAGS (\\Seen)", uid, change[0]));
    world_.changeFlags(message, change);
  } else {
    client_.expectOk(fmt::format("UID STORE {} +FLAGS (\\Deleted)", uid));
    client_.expectOk("UID EXPUNGE " + uid);
    world_.erase(message);
  }
}

void Rival::flagOne() {
  if (flagged_.empty()) return;
  auto& [message, set] = nth(flagged_, below(flagged_.size()));
  set = !set;
  client_.expectOk(fmt::format("UID STORE {} {}FLAGS ({})", uidOf(message, flagged_in_.at(message)),
                               set ? '+' : '-', kRivals));
}

void Rival::contend() {
  client_.expectOk(fmt::format("SELECT \"{}\"", anyMailbox()));
  const bool expunges = below(6) == 0;
  const auto uids =
      client_.search(fmt::format("KEYWORD {}{}", kContested, expunges ? "" : " UNDELETED"));
  if (uids.size() < kFewContested) {
    contested_.insert(append(anyMailbox(), kContested));
    return;
  }
  const Uid uid = uids.at(below(uids.size()));
  if (!expunges) {  // NO: the mount was there first
    client_.command(fmt::format("UID MOVE {} \"{}\"", uid, anyMailbox()));
    return;
  }
  const auto answer =
      client_.command(fmt::format("UID FETCH {} BODY.PEEK[HEADER.FIELDS (SUBJECT)]", uid));
  for (const auto& line : answer.untagged) {
    const auto proof = proofOf(line);
    if (!proof) continue;
    expunged_.insert(proofName(*proof));
    client_.command(fmt::format("UID STORE {} +FLAGS (\\Deleted)", uid));
    client_.command(fmt::format("UID EXPUNGE {}", uid));
  }
}

}  // namespace emlfs::test
