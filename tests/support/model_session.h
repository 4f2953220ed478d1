// A model of a server's mailbox behind the Session interface: for histories of random changes, far
// more than a real server could be put through, against which the strategies of src/sync are held.
// The tests in tests/server run the same strategies against a real one.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "emlfs/base/error.h"
#include "emlfs/imap/session.h"
#include "support/reading_session.h"

namespace emlfs::test {

class ModelMailbox {
 public:
  struct Message {
    Flags flags;
    ModSeq modseq = 0;
  };

  Uid append(Flags flags = {}) {
    messages[uid_next] = {std::move(flags), ++modseq};
    return uid_next++;
  }
  void setFlags(Uid uid, Flags flags) { messages.at(uid) = {std::move(flags), ++modseq}; }
  void expunge(Uid uid) {
    messages.erase(uid);
    expunged[uid] = ++modseq;
  }
  void replace() {
    ++validity;
    messages.clear();
    expunged.clear();
    uid_next = 1;
  }

  std::map<Uid, Message> messages;
  std::map<Uid, ModSeq> expunged;
  UidValidity validity = 1;
  Uid uid_next = 1;
  ModSeq modseq = 1;
};

class ModelSession final : public ReadingSession {
 public:
  ModelSession(ModelMailbox& mailbox, std::set<std::string> capabilities)
      : mailbox_(mailbox), capabilities_(std::move(capabilities)) {}

  // The connection breaks at the nth call from now on; 0: never.
  void failAfter(unsigned calls) { calls_left_ = calls; }
  std::vector<ListEntry> listing;
  unsigned flags_asked = 0;
  // What servers get wrong: messages that are described unreadably, an OK without any data, a
  // refused STATUS, no UIDVALIDITY.
  std::set<Uid> unreadable;
  bool metadata_missing = false;
  bool flags_missing = false;
  std::optional<Code> status_error;
  std::set<std::string> unlisted;  // known to STATUS alone
  bool validity_missing = false;
  std::function<void()> on_call;  // what happens before the next command on messages is answered

  const imap::Capabilities& capabilities() const override { return capabilities_; }
  std::string tlsVersion() const override { return {}; }
  std::string greeting() const override { return {}; }
  std::vector<Namespace> namespaces() override { return {{}}; }
  std::vector<ListEntry> list(const std::vector<Namespace>& /*namespaces*/) override {
    return listing;
  }
  MailboxStatus status(std::string_view wire) override {
    const bool listed = std::any_of(listing.begin(), listing.end(), [&](const ListEntry& entry) {
      return entry.wire == wire && entry.selectable;
    });
    if (status_error) throw Error(*status_error, Scope::mailbox, "not you", "not you");
    if (!listed && !unlisted.contains(std::string(wire)))
      throw Error(Code::not_found, Scope::mailbox, "gone", "gone");
    return {static_cast<uint32_t>(mailbox_.messages.size()), mailbox_.uid_next, mailbox_.validity,
            modseq()};
  }

  imap::Selected examine(std::string_view wire, const std::optional<imap::Known>& known = {},
                         const imap::Next& = {}) override {
    call();
    selected_ = wire;
    selected_validity_ = mailbox_.validity;
    imap::Selected now;
    now.uid_validity = validity_missing ? 0 : mailbox_.validity;
    now.uid_next = mailbox_.uid_next;
    now.messages = static_cast<uint32_t>(mailbox_.messages.size());
    now.highest_modseq = modseq();
    if (known && known->uid_validity == mailbox_.validity && capabilities_.has("QRESYNC")) {
      for (const auto& [uid, when] : mailbox_.expunged)
        if (when > known->modseq) now.vanished.add(uid);
      for (const auto& [uid, message] : mailbox_.messages)
        if (message.modseq > known->modseq)
          now.changed.push_back({uid, message.flags, message.modseq});
    }
    return now;
  }
  const std::string& selected() const override { return selected_; }
  UidValidity selectedValidity() const override { return selected_validity_; }

  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                     std::optional<UidRange>) override {
    call();
    if (metadata_missing) return;
    bool whole = true;
    for (auto at = mailbox_.messages.lower_bound(first);
         at != mailbox_.messages.end() && at->first <= last; ++at) {
      if (unreadable.count(at->first) != 0) {
        whole = false;
        continue;
      }
      MessageMeta meta;
      meta.uid = at->first;
      meta.flags = at->second.flags;
      meta.modseq = at->second.modseq;
      meta.date.seconds = 1'600'000'000 + at->first;
      meta.size = 1'000 + at->first;
      meta.header.subject = "Message " + std::to_string(at->first);
      each(std::move(meta));
    }
    if (!whole) throw Error(Code::protocol, Scope::mailbox, "a message can't be read");
  }
  void fetchFlags(Uid first, Uid last, ModSeq since,
                  const std::function<void(FlagChange&&)>& each) override {
    call();
    ++flags_asked;
    if (flags_missing) return;
    for (auto at = mailbox_.messages.lower_bound(first);
         at != mailbox_.messages.end() && at->first <= last; ++at)
      if (at->second.modseq > since)
        each({at->first, at->second.flags, modseq() == 0 ? 0 : at->second.modseq});
  }
  UidSet searchUids(Uid first, Uid last) override {
    call();
    UidSet uids;
    for (const auto& [uid, message] : mailbox_.messages)
      if (uid >= first && uid <= last) uids.add(uid);
    return uids;
  }
  // As long as the metadata says.
  imap::BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) override {
    call();
    if (!mailbox_.messages.contains(uid)) throw Error(Code::stale, Scope::message, "gone");
    const std::string body(1'000 + uid, 'b');
    return {body.substr(std::min<uint64_t>(offset, body.size()), count), true};
  }
  void fetchBodies(const std::vector<imap::WantedBodies>& wanted, uint64_t most,
                   const std::function<void(size_t, Uid, std::string&&)>& each) override {
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (selected_ != wanted[i].wire) examine(wanted[i].wire);
      if (mailbox_.validity != wanted[i].uid_validity) continue;
      call();
      for (const auto& [uid, message] : mailbox_.messages)
        if (wanted[i].uids.contains(uid) && 1'000 + uid <= most && unreadable.count(uid) == 0)
          each(i, uid, std::string(1'000 + uid, 'b'));
    }
  }

 private:
  void call() {
    if (const auto before = std::exchange(on_call, {})) before();
    if (calls_left_ != 0 && --calls_left_ == 0)
      throw Error(Code::network, Scope::connection, "the connection broke");
  }
  ModSeq modseq() const { return capabilities_.has("CONDSTORE") ? mailbox_.modseq : 0; }

  ModelMailbox& mailbox_;
  imap::Capabilities capabilities_;
  std::string selected_;
  UidValidity selected_validity_ = 0;
  unsigned calls_left_ = 0;
};

}  // namespace emlfs::test
