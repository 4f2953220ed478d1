#include "fs/xattr.h"

#include <map>
#include <string>
#include <string_view>

#include "fs/commands.h"
#include "fs/errno.h"

namespace emlfs::fs {
namespace {

constexpr std::string_view kStatus = "user.emlfs.status";
// How many bytes of a message's body are in the cache. In no list: `rsync -X` and tar would copy
// it.
constexpr std::string_view kCached = "user.emlfs.cached";
constexpr std::string_view kOurs = "user.imap.";

using Attributes = std::map<std::string, std::string, std::less<>>;

// IMAP pads the day with a blank.
std::string withoutBlanks(const std::string& date) {
  return date.substr(date.find_first_not_of(' '));
}

Attributes attributesOf(const store::MessageRecord& message, const Flags& flags,
                        const store::MailboxRecord& mailbox) {
  Attributes all{
      {"user.imap.flags", flags.text()},
      {"user.imap.internaldate", withoutBlanks(text(message.date))},
  };
  // A change that is on its way to the server has neither.
  if (message.uid != 0) {
    all.emplace("user.imap.uid", std::to_string(message.uid));
    all.emplace("user.imap.uidvalidity", std::to_string(mailbox.state.uid_validity));
  }
  if (message.modseq != 0) all.emplace("user.imap.modseq", std::to_string(message.modseq));
  if (!message.message_id.empty()) all.emplace("user.imap.message-id", message.message_id);
  return all;
}

Attributes attributesOf(const store::MailboxRecord& mailbox) {
  Attributes all;
  if (!mailbox.wire.empty()) all.emplace("user.imap.mailbox", mailbox.wire);
  if (!mailbox.special_use.empty()) all.emplace("user.imap.special-use", mailbox.special_use);
  if (mailbox.state.uid_validity != 0)
    all.emplace("user.imap.uidvalidity", std::to_string(mailbox.state.uid_validity));
  return all;
}

// Throws Error(stale) if there is no such node.
Attributes attributesOf(const Account& account, uint64_t node) {
  const auto snapshot = account.snapshot();
  if (isDirectory(node)) {
    if (const auto mailbox = snapshot->mailbox(MailboxId{node})) return attributesOf(*mailbox);
  } else if (const auto message = snapshot->message(MessageId{node})) {
    if (const auto mailbox = snapshot->mailbox(message->mailbox))
      return attributesOf(*message, account.flags(*message), *mailbox);
  }
  throw Error(Code::stale, Scope::message, "no longer there");
}

std::string cachedBytes(const Account& account, MessageId id) {
  const auto snapshot = account.snapshot();
  if (!snapshot->message(id)) throw Error(Code::stale, Scope::message, "no longer there");
  return std::to_string(snapshot->cachedBytes(id));
}

// The protocol of getxattr(2): size 0 asks how much room is needed.
void reply(fuse_req_t request, std::string_view value, size_t size) {
  if (size == 0)
    fuse_reply_xattr(request, value.size());
  else if (value.size() > size)
    fuse_reply_err(request, ERANGE);
  else
    fuse_reply_buf(request, value.data(), value.size());
}

}  // namespace

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t size) {
  auto& account = contextOf(request).account;
  try {
    if (node == FUSE_ROOT_ID && name == kStatus) {
      reply(request, account.status(contextOf(request).requests.counts()), size);
      return;
    }
    if (name == kCached && !isDirectory(node)) {
      reply(request, cachedBytes(account, MessageId{node}), size);
      return;
    }
    if (const auto answer = askedFor(account, node, name)) {
      reply(request, *answer, size);
      return;
    }
    if (const auto level = logLevel(request, node, name)) {
      reply(request, *level, size);
      return;
    }
    // EOPNOTSUPP makes ls, cp and tar stop asking for ACLs and security labels.
    if (!std::string_view(name).starts_with(kOurs)) {
      fuse_reply_err(request, EOPNOTSUPP);
      return;
    }
    const auto all = attributesOf(account, node);
    const auto found = all.find(std::string_view(name));
    if (found == all.end())
      fuse_reply_err(request, ENODATA);
    else
      reply(request, found->second, size);
  } catch (const Error& error) {
    fuse_reply_err(request, toErrno(error));
  }
}

void listxattr(fuse_req_t request, fuse_ino_t node, size_t size) {
  try {
    std::string names;
    for (const auto& [name, value] : attributesOf(contextOf(request).account, node))
      names.append(name).push_back('\0');
    reply(request, names, size);
  } catch (const Error& error) {
    fuse_reply_err(request, toErrno(error));
  }
}

}  // namespace emlfs::fs
