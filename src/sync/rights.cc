#include "emlfs/sync/rights.h"

#include <fmt/format.h>

#include "emlfs/base/error.h"

namespace emlfs::sync {
namespace {

constexpr std::string_view kAll = "iswtekx";
constexpr std::string_view kOfMessages = "iswte";

bool deny(store::MailboxRecord& mailbox, std::string_view letters) {
  const auto before = mailbox.denied.size();
  for (const char letter : letters)
    if (mailbox.denied.find(letter) == std::string::npos) mailbox.denied += letter;
  return mailbox.denied.size() != before;
}

}  // namespace

bool allowed(const store::MailboxRecord& mailbox, Right right) {
  return mailbox.denied.find(static_cast<char>(right)) == std::string::npos;
}

void requireRights(const store::MailboxRecord& mailbox, std::initializer_list<Right> needed) {
  for (const Right right : needed)
    if (!allowed(mailbox, right))
      throw Error(Code::denied, Scope::mailbox,
                  fmt::format("the server doesn't allow that in {}", mailbox.wire));
}

void requireFlagRights(const store::MailboxRecord& mailbox, const Flags& flags) {
  for (const auto& flag : flags.names()) {
    const bool seen = Flags({"\\Seen"}).has(flag);
    const bool deleted = Flags({"\\Deleted"}).has(flag);
    requireRights(mailbox, {seen ? Right::seen : deleted ? Right::erase : Right::write});
  }
}

bool learnRights(store::MailboxRecord& mailbox, const std::optional<std::string>& rights) {
  const auto before = mailbox;
  mailbox.rights_asked = true;
  if (rights) {
    mailbox.denied.clear();
    for (const char letter : kAll)
      if (rights->find(letter) == std::string::npos) mailbox.denied += letter;
  }
  return mailbox.rights_asked != before.rights_asked || mailbox.denied != before.denied;
}

bool learnRights(store::MailboxRecord& mailbox, const imap::Selected& selected) {
  if (selected.read_only) return deny(mailbox, kOfMessages);
  const auto& permanent = selected.permanent_flags;
  return permanent && !permanent->allow("\\Deleted") && deny(mailbox, "te");
}

}  // namespace emlfs::sync
