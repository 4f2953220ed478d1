#include "emlfs/imap/session.h"

#include "imap/commands.h"

namespace emlfs::imap {
namespace {

class WireSession : public Session {
 public:
  explicit WireSession(const SessionOptions& options)
      : interrupt_(options.interrupt != nullptr ? *options.interrupt : own_interrupt_),
        connection_(Transport::connect(options.endpoint, options.traffic, interrupt_),
                    options.endpoint.timeout, options.traffic, options.without),
        greeting_(logIn(connection_, options)) {}

  const Capabilities& capabilities() const override { return connection_.capabilities(); }
  std::string tlsVersion() const override { return connection_.transport().tlsVersion(); }
  std::string greeting() const override { return greeting_; }

  std::vector<Namespace> namespaces() override { return fetchNamespaces(connection_); }
  std::vector<ListEntry> list(const std::vector<Namespace>& namespaces) override {
    return listMailboxes(connection_, namespaces);
  }
  MailboxStatus status(std::string_view wire) override { return mailboxStatus(connection_, wire); }
  Selected examine(std::string_view wire, const std::optional<Known>& known) override {
    return examineMailbox(connection_, wire, known);
  }
  const std::string& selected() const override { return connection_.selected.wire; }
  UidValidity selectedValidity() const override { return connection_.selected.uid_validity; }

  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each) override {
    fetchMessages(connection_, first, last, each);
  }
  void fetchFlags(Uid first, Uid last, ModSeq since,
                  const std::function<void(FlagChange&&)>& each) override {
    fetchFlagChanges(connection_, first, last, since, each);
  }
  UidSet searchUids(Uid first, Uid last) override {
    return searchMessages(connection_, first, last);
  }
  BodyPiece fetchBody(Uid uid, uint64_t offset, uint32_t count) override {
    return fetchBodyPiece(connection_, uid, offset, count);
  }
  void noop() override { connection_.runOk(Command("NOOP")); }
  void interrupt() noexcept override { interrupt_.signal(); }

 private:
  Event own_interrupt_;
  Event& interrupt_;
  Connection connection_;
  std::string greeting_;
};

}  // namespace

std::unique_ptr<Session> Session::open(const SessionOptions& options) {
  return std::make_unique<WireSession>(options);
}

}  // namespace emlfs::imap
