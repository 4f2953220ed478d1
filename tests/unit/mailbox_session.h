// Mailboxes of a server behind the Session interface, for tests of what is sent to it.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "emlfs/base/error.h"
#include "support/reading_session.h"

namespace emlfs::test {

struct ServerMessage {
  MessageMeta meta;
  std::string bytes;
};

struct ServerMailbox {
  UidValidity validity = 1;
  Uid uid_next = 1;
  std::map<Uid, ServerMessage> messages;

  void put(Uid uid, const std::string& message_id, const std::string& bytes) {
    auto& message = messages[uid];
    message.meta.uid = uid;
    message.meta.size = bytes.size();
    message.meta.header.message_id = message_id;
    message.bytes = bytes;
    uid_next = uid + 1;
  }
};

class MailboxSession final : public ReadingSession {
 public:
  explicit MailboxSession(std::set<std::string> capabilities)
      : capabilities_(std::move(capabilities)) {}

  std::map<std::string, ServerMailbox> mailboxes;
  // What happens when the server is asked to do it.
  std::function<void(const std::vector<imap::NewMessage>&)> on_append;
  std::function<void()> on_transfer;
  std::function<void(const UidSet&, Change, const Flags&)> on_store;
  std::function<void()> on_listen;  // then something has happened in the selected mailbox
  std::function<void(const std::string& wire)> on_open;
  std::function<void()> on_look;  // which messages there are
  std::function<void(Uid)> on_body;
  Milliseconds listened{0};   // at most
  bool tells_copies = false;  // COPY copies, and the answer has COPYUID

  const imap::Capabilities& capabilities() const override { return capabilities_; }
  std::string tlsVersion() const override { return {}; }
  std::string greeting() const override { return {}; }
  std::vector<Namespace> namespaces() override { return {{}}; }
  std::vector<ListEntry> list(const std::vector<Namespace>&) override { return {}; }
  MailboxStatus status(std::string_view wire) override {
    const auto& there = mailboxes.at(std::string(wire));
    return {static_cast<uint32_t>(there.messages.size()), there.uid_next, there.validity, 0};
  }
  imap::Selected examine(std::string_view wire, const std::optional<imap::Known>&,
                         const imap::Next&) override {
    for_writing_ = false;
    return open(wire);
  }
  imap::Selected select(std::string_view wire) override {
    for_writing_ = true;
    auto now = open(wire);
    now.read_only = false;
    return now;
  }
  void unselect() override { selected_.clear(); }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return mailboxes.at(selected_).validity; }
  bool selectedForWriting() const override { return for_writing_; }

  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                     std::optional<UidRange>) override {
    if (on_look) on_look();
    for (const auto& [uid, message] : mailboxes.at(selected_).messages)
      if (uid >= first && uid <= last) each(MessageMeta(message.meta));
  }
  void fetchFlags(Uid, Uid, ModSeq, const std::function<void(FlagChange&&)>&) override {}
  UidSet searchUids(Uid first, Uid last) override {
    if (on_look) on_look();
    UidSet uids;
    for (const auto& [uid, message] : mailboxes.at(selected_).messages)
      if (uid >= first && uid <= last) uids.add(uid);
    return uids;
  }
  imap::BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) override {
    if (on_body) on_body(uid);
    const auto& bytes = mailboxes.at(selected_).messages.at(uid).bytes;
    return {bytes.substr(offset, count), offset + count >= bytes.size()};
  }
  std::optional<imap::AppendedUids> append(std::string_view,
                                           const std::vector<imap::NewMessage>& messages) override {
    on_append(messages);
    return std::nullopt;
  }
  std::optional<imap::CopiedUids> copy(const UidSet& uids, std::string_view to) override {
    on_transfer();
    if (!tells_copies) return std::nullopt;
    auto& there = mailboxes.at(std::string(to));
    imap::CopiedUids told;
    told.uid_validity = there.validity;
    for (const auto& [uid, message] : mailboxes.at(selected_).messages) {
      if (!uids.contains(uid)) continue;
      told.uids.emplace_back(uid, there.uid_next);
      there.put(there.uid_next, message.meta.header.message_id, message.bytes);
    }
    return told;
  }
  std::optional<imap::CopiedUids> move(const UidSet&, std::string_view) override {
    on_transfer();
    return std::nullopt;
  }
  std::vector<FlagChange> store(const UidSet& uids, Change change, const Flags& flags) override {
    if (on_store) on_store(uids, change, flags);
    return {};
  }
  void expunge(const UidSet& uids) override {
    std::erase_if(mailboxes.at(selected_).messages,
                  [&](const auto& message) { return uids.contains(message.first); });
  }
  imap::Push listen(Milliseconds limit, bool) override {
    listened = std::max(listened, limit);
    imap::Push push;
    push.selected = on_listen != nullptr;
    if (on_listen) on_listen();
    return push;
  }

 private:
  imap::Selected open(std::string_view wire) {
    selected_.clear();
    if (on_open) on_open(std::string(wire));
    selected_ = wire;
    imap::Selected now;
    now.uid_validity = mailboxes.at(selected_).validity;
    now.uid_next = mailboxes.at(selected_).uid_next;
    return now;
  }

  const imap::Capabilities capabilities_;
  std::string selected_;
  bool for_writing_ = false;
};

}  // namespace emlfs::test
