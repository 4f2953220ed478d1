// APPEND (RFC 9051 section 6.3.12), of several messages with MULTIAPPEND (RFC 3502).
#include <fmt/format.h>

#include "imap/assigned_uids.h"
#include "imap/commands.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

// date-time has four digits for the year and two each for the zone.
bool canBeSaid(InternalDate date) {
  constexpr int64_t kYear1 = -62'135'596'800;
  constexpr int64_t kYear10000 = 253'402'300'800;
  constexpr int64_t kDay = 86'400;
  constexpr int kMinutes = 24 * 60;
  return date.seconds >= kYear1 + kDay && date.seconds < kYear10000 - kDay &&
         date.zone_minutes > -kMinutes && date.zone_minutes < kMinutes;
}

void requireSendable(const NewMessage& message, std::optional<uint64_t> limit) {
  const auto refuse = [](Code code, const std::string& what) {
    throw Error(code, Scope::message, what);
  };
  if (message.size == 0) refuse(Code::invalid, "an empty message can't be sent to the server");
  if (limit && message.size > *limit) {
    refuse(Code::limit, fmt::format("the server takes no message of more than {} bytes", *limit));
  }
  if (message.date && !canBeSaid(*message.date)) {
    refuse(Code::invalid, "IMAP has no such date");
  }
}

}  // namespace

std::optional<uint64_t> Capabilities::appendLimit() const {
  constexpr std::string_view kName = "APPENDLIMIT=";
  for (auto at = names_.lower_bound(std::string(kName));
       at != names_.end() && at->starts_with(kName); ++at) {
    if (const auto limit = parseNumber(std::string_view(*at).substr(kName.size()))) return limit;
  }
  return std::nullopt;
}

std::optional<AppendedUids> appendMessages(Connection& connection, std::string_view to,
                                           const std::vector<NewMessage>& messages) {
  requireName(to);
  if (messages.empty()) return std::nullopt;
  if (messages.size() > 1 && !connection.has("MULTIAPPEND")) {
    throw Error(Code::invalid, Scope::mailbox,
                "the server takes one message after another (no MULTIAPPEND)");
  }
  Command command("APPEND", connection.literals());
  command.string(to);
  for (const NewMessage& message : messages) {
    requireSendable(message, connection.capabilities().appendLimit());
    if (!message.flags.names().empty()) command.flags(message.flags);
    if (message.date) command.string(text(*message.date));
    command.upload(message.size, message.read);
  }
  const StatusLine status = connection.run(command);
  const std::string failed = fmt::format("can't add to mailbox {}", printable(to));
  if (status.status == Status::no && status.code == "LIMIT") {
    throw Error(Code::limit, Scope::message,
                fmt::format("{}: the server says: {}", failed, words(status)), words(status));
  }
  check(status, failed);
  if (status.code != "APPENDUID") return std::nullopt;
  return parseAppendUid(status.arguments, messages.size());
}

}  // namespace emlfs::imap
