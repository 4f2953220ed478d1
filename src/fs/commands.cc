#include "fs/commands.h"

#include <unistd.h>

#include <charconv>
#include <set>

#include "emlfs/account/changes.h"
#include "emlfs/base/log.h"

namespace emlfs::fs {
namespace {

// A ':' and a number behind the name ask for what follows that number.
constexpr std::string_view kJournal = "user.emlfs.journal";
constexpr std::string_view kHidden = "user.emlfs.hidden";
constexpr std::string_view kUndelete = "user.emlfs.undelete";
constexpr std::string_view kExpunge = "user.emlfs.expunge";
constexpr std::string_view kLogLevel = "user.emlfs.log_level";

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && rest == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

// The number after which to begin; absent if it is another attribute.
std::optional<uint64_t> pageOf(std::string_view name, std::string_view attribute) {
  if (name == attribute) return 0;
  if (!name.starts_with(attribute) || name[attribute.size()] != ':') return std::nullopt;
  return number(name.substr(attribute.size() + 1));
}

std::set<MessageId> parseIds(std::string_view words) {
  std::set<MessageId> ids;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    if (end > 0) {
      const auto id = number(words.substr(0, end));
      if (!id) throw Error(Code::invalid, Scope::message, "ids are numbers with blanks between");
      ids.insert(MessageId{*id});
    }
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return ids;
}

}  // namespace

std::optional<std::string> askedFor(const Account& account, uint64_t node, std::string_view name) {
  if (!isDirectory(node)) return std::nullopt;
  if (const auto after = pageOf(name, kJournal); after && node == kRootNode)
    return account.journal(*after);
  if (const auto after = pageOf(name, kHidden)) return account.hidden(MailboxId{node}, *after);
  return std::nullopt;
}

std::optional<std::string> logLevel(fuse_req_t request, uint64_t node, std::string_view name) {
  if (node != kRootNode || !name.starts_with(kLogLevel)) return std::nullopt;
  name.remove_prefix(kLogLevel.size());
  if (name.starts_with('=')) {
    const uid_t caller = fuse_req_ctx(request)->uid;
    if (caller != 0 && caller != ::getuid() && caller != contextOf(request).options.uid)
      throw Error(Code::not_permitted, Scope::account, "only the owner may set the log level");
    const auto level = log::levelOf(name.substr(1));
    if (!level) throw Error(Code::invalid, Scope::account, "no such log level");
    log::setLevel(*level);
  } else if (!name.empty()) {
    return std::nullopt;
  }
  return std::string(log::name(log::level()));
}

bool isCommand(uint64_t node, std::string_view name) {
  if (!isDirectory(node)) return false;
  return (name == kJournal && node == kRootNode) || name == kUndelete || name == kExpunge;
}

void command(Context& context, MailboxId directory, std::string_view name, std::string_view value) {
  auto& changes = *context.account.changes();
  if (name == kJournal)
    changes.commandJournal(value);
  else if (name == kUndelete)
    changes.showHidden(directory, parseIds(value));
  else
    changes.expungeHidden(directory, parseIds(value));
}

}  // namespace emlfs::fs
