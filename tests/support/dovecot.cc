#include "support/dovecot.h"

#include <set>

#include "support/process.h"

namespace emlfs::test {

std::string Dovecot::doveadm(const std::vector<std::string>& command,
                             std::string_view input) const {
  static const std::set<std::string> kGroups{"mailbox", "acl", "quota"};
  const size_t words = kGroups.count(command.at(0)) + 1;
  std::vector<std::string> whole{"doveadm", "-c", setting("config")};
  whole.insert(whole.end(), command.begin(), command.begin() + static_cast<ptrdiff_t>(words));
  whole.insert(whole.end(), {"-u", user()});
  whole.insert(whole.end(), command.begin() + static_cast<ptrdiff_t>(words), command.end());
  return runOrThrow(whole, input);
}

void Dovecot::deliver(const std::string& mailbox, std::string_view message) const {
  const std::string existing = "\n" + doveadm({"mailbox", "list"});
  if (existing.find("\n" + mailbox + "\n") == existing.npos) {
    doveadm({"mailbox", "create", mailbox});
  }
  doveadm({"save", "-m", mailbox}, message);
}

}  // namespace emlfs::test
