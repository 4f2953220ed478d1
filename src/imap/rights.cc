// MYRIGHTS (RFC 4314 section 3.5) and GETQUOTAROOT (RFC 9208 section 4.2.2).
#include <fmt/format.h>

#include <algorithm>

#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

uint64_t left(const Usage& usage) {
  return usage.limit - std::min(usage.used, usage.limit);
}

void keepTighter(std::optional<Usage>& kept, const std::optional<Usage>& other) {
  if (other && (!kept || left(*other) < left(*kept))) kept = other;
}

// RFC 4314 split two rights of RFC 2086; a server that knows says so by RIGHTS=.
void splitOldRights(const Capabilities& capabilities, std::string& rights) {
  const auto& names = capabilities.names();
  const auto at = names.lower_bound("RIGHTS=");
  if (at != names.end() && at->starts_with("RIGHTS=")) return;
  if (rights.find('c') != std::string::npos) rights += "kx";
  if (rights.find('d') != std::string::npos) rights += "te";
}

}  // namespace

std::vector<Foretold> nextRights(const Connection& connection, std::string_view wire) {
  if (!connection.has("ACL")) return {};
  return foretell(Command("MYRIGHTS", connection.literals()).string(wire));
}

std::optional<std::string> rightsOn(Connection& connection, std::string_view wire) {
  if (!connection.has("ACL")) return std::nullopt;
  requireName(wire);
  const std::string asked = canonicalName(std::string(wire));
  std::optional<std::string> rights;
  const StatusLine status =
      connection.run(Command("MYRIGHTS", connection.literals()).string(wire), [&](Data&& data) {
        auto* answer = std::get_if<RightsData>(&data);
        if (answer != nullptr && canonicalName(std::move(answer->wire)) == asked)
          rights = std::move(answer->rights);
      });
  check(status, fmt::format("can't tell the rights on mailbox {}", printable(wire)));
  if (!rights) {
    throw Error(Code::protocol, Scope::mailbox,
                fmt::format("the server told no rights on mailbox {}", printable(wire)));
  }
  splitOldRights(connection.capabilities(), *rights);
  return rights;
}

std::optional<Quota> quotaOf(Connection& connection, std::string_view wire) {
  if (!connection.has("QUOTA")) return std::nullopt;
  requireName(wire);
  Quota quota;
  const StatusLine status =
      connection.run(Command("GETQUOTAROOT", connection.literals()).string(wire), [&](Data&& data) {
        const auto* root = std::get_if<QuotaData>(&data);
        if (root == nullptr) return;
        keepTighter(quota.storage, root->quota.storage);
        keepTighter(quota.messages, root->quota.messages);
      });
  check(status, fmt::format("can't tell the quota of mailbox {}", printable(wire)));
  return quota;
}

}  // namespace emlfs::imap
