// The questions that a transaction answers, whether it reads or writes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emlfs/store/cache.h"
#include "store/tables.h"
#include "store/update.h"

namespace emlfs::store {

// Snapshot and Update answer alike: Base is one of them.
template <class Base>
class Reads : public Base {
 public:
  std::optional<std::string> setting(std::string_view key) const override;
  std::optional<MailboxRecord> mailbox(MailboxId id) const override;
  std::optional<MessageRecord> message(MessageId id) const override;
  std::optional<Dirent> find(MailboxId directory, std::string_view name) const override;
  std::optional<MessageId> byUid(MailboxId mailbox, Uid uid) const override;
  void subdirectories(MailboxId directory, uint64_t after,
                      const std::function<bool(const MailboxRecord&)>& each) const override;
  void messages(MailboxId mailbox, Uid after,
                const std::function<bool(const MessageRecord&)>& each) const override;
  void messagesBefore(MailboxId mailbox, Uid before,
                      const std::function<bool(const MessageRecord&)>& each) const override;
  void byName(MailboxId directory, std::string_view after,
              const std::function<bool(const MessageRecord&)>& each) const override;
  void arrivals(MailboxId directory, MessageId after,
                const std::function<bool(const MessageRecord&)>& each) const override;
  std::vector<MailboxRecord> mailboxes() const override;
  std::optional<std::string_view> chunk(MessageId id, uint32_t index) const override;
  uint64_t cachedBytes(MessageId id) const override;

 protected:
  explicit Reads(const Tables& tables) : tables_(tables) {}
  virtual MDB_txn* txn() const = 0;

  const Tables& tables_;
};

extern template class Reads<Snapshot>;
extern template class Reads<CacheUpdate>;

}  // namespace emlfs::store
