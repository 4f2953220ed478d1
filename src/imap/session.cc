#include "emlfs/imap/session.h"

#include <utility>

#include "imap/commands.h"
#include "imap/one_try.h"

namespace emlfs::imap {
namespace {

// All commands end by then, as long as it lives.
class Bound {
 public:
  Bound(Connection& connection, Deadline deadline) : connection_(connection) {
    connection_.boundAll(deadline);
  }
  ~Bound() { connection_.boundAll(std::nullopt); }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;

 private:
  Connection& connection_;
};

class WireSession : public Session {
 public:
  WireSession(const SessionOptions& options, const Secret& secret)
      : interrupt_(options.interrupt != nullptr ? *options.interrupt : own_interrupt_),
        connection_(Transport::connect(options.endpoint, options.traffic, interrupt_,
                                       Deadline::after(options.endpoint.timeout), options.throttle),
                    options.endpoint.timeout, options.traffic, options.without),
        patience_(options.endpoint.timeout / 2) {
    connection_.setBystander(
        [this](std::string_view verb, const Data& data) { takePush(verb, data, push_); });
    const Bound bound(connection_, Deadline::after(options.endpoint.timeout));
    greeting_ = logIn(connection_, options.endpoint, secret, interrupt_);
  }

  const Capabilities& capabilities() const override { return connection_.capabilities(); }
  std::string tlsVersion() const override { return connection_.transport().tlsVersion(); }
  std::string greeting() const override { return greeting_; }

  std::vector<Namespace> namespaces() override {
    if (namespaces_.empty()) namespaces_ = fetchNamespaces(connection_);
    if (!namespaces_.empty()) return namespaces_;
    return {Namespace{Namespace::Kind::personal, "", '\0'}};
  }
  std::vector<ListEntry> list(const std::vector<Namespace>& namespaces) override {
    return listMailboxes(connection_, namespaces);
  }
  std::vector<ListEntry> listBelow(std::string_view wire, char delimiter) override {
    return imap::listBelow(connection_, wire, delimiter);
  }
  MailboxStatus status(std::string_view wire) override { return mailboxStatus(connection_, wire); }
  Selected examine(std::string_view wire, const std::optional<Known>& known,
                   const Next& next) override {
    return examineMailbox(connection_, wire, known, next);
  }
  Selected select(std::string_view wire) override { return selectMailbox(connection_, wire); }
  void unselect() override { unselectMailbox(connection_); }
  const std::string& selected() const override { return connection_.selected.wire; }
  UidValidity selectedValidity() const override { return connection_.selected.uid_validity; }

  bool selectedForWriting() const override { return connection_.selected.writable(); }

  void fetchMetadata(Uid first, Uid last, const std::function<void(MessageMeta&&)>& each,
                     std::optional<UidRange> then) override {
    fetchMessages(connection_, first, last, each, then);
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
  void fetchBodies(const std::vector<WantedBodies>& wanted, uint64_t most,
                   const std::function<void(size_t, Uid, std::string&&)>& each) override {
    imap::fetchBodies(connection_, wanted, most, each);
  }
  void noop() override { connection_.runOk(Command("NOOP")); }

  std::optional<CopiedUids> move(const UidSet& uids, std::string_view to) override {
    return moveMessages(connection_, uids, to);
  }
  std::optional<CopiedUids> copy(const UidSet& uids, std::string_view to) override {
    return copyMessages(connection_, uids, to);
  }
  std::vector<FlagChange> store(const UidSet& uids, Change change, const Flags& flags) override {
    return storeFlags(connection_, uids, change, flags);
  }
  void expunge(const UidSet& uids) override { expungeMessages(connection_, uids); }
  std::optional<AppendedUids> append(std::string_view to,
                                     const std::vector<NewMessage>& messages) override {
    return appendMessages(connection_, to, messages);
  }
  void create(std::string_view wire) override { createMailbox(connection_, wire); }
  void remove(std::string_view wire) override { removeMailbox(connection_, wire); }
  void rename(std::string_view from, std::string_view to) override {
    renameMailbox(connection_, from, to);
  }
  void subscribe(std::string_view wire) override { subscribeMailbox(connection_, wire); }
  void unsubscribe(std::string_view wire) override { unsubscribeMailbox(connection_, wire); }
  std::optional<std::string> myRights(std::string_view wire) override {
    return rightsOn(connection_, wire);
  }
  std::optional<Quota> quota(std::string_view wire) override { return quotaOf(connection_, wire); }

  Push notify() override {
    if (std::exchange(notified_, true))
      throw Error(Code::stale, Scope::connection, "NOTIFY needs a new connection");
    startNotify(connection_);
    return std::exchange(push_, {});
  }
  Push listen(Milliseconds limit, bool ask) override {
    // What came while other commands ran is told at once.
    const Milliseconds wait = push_.empty() ? limit : Milliseconds{0};
    const Deadline deadline = Deadline::after(wait);
    // Half of the patience for the round trip at the end: with a limit of the other half, a
    // connection to nobody is found within `timeout`.
    const Bound bound(connection_, Deadline::after(wait + patience_));
    listenForPush(connection_, deadline, wake_);
    if (ask && push_.empty() && deadline.passed() && connection_.selected.wire.empty()) {
      noop();
      push_.late = !push_.empty();
    }
    push_.woken = wake_.clear();
    return std::exchange(push_, {});
  }
  void wake() noexcept override { wake_.signal(); }
  void interrupt() noexcept override { interrupt_.signal(); }

 private:
  Event own_interrupt_;
  Event& interrupt_;
  Event wake_;
  Connection connection_;
  const Milliseconds patience_;
  std::string greeting_;
  std::vector<Namespace> namespaces_;  // empty: not told yet
  Push push_;                          // since the last listen()
  bool notified_ = false;
};

// Before there is a connection, whose time it would use up.
Secret askForSecret(const SessionOptions& options, const Secret* refused) {
  if (!options.secret || options.endpoint.authentication == Authentication::external) return {};
  return options.secret({refused, options.interrupt});
}

}  // namespace

std::unique_ptr<Session> Session::open(const SessionOptions& options) {
  requireSignInPauseOver(options.endpoint);
  const Secret secret = askForSecret(options, nullptr);
  try {
    return std::make_unique<WireSession>(options, secret);
  } catch (const SecretRefused&) {
    // A token has expired, or somebody has a new password. Not on the same connection: it might
    // take long, and servers count what fails on one.
    const Secret other = askForSecret(options, &secret);
    if (other.reveal() == secret.reveal()) throw;
    return std::make_unique<WireSession>(options, other);
  }
}

}  // namespace emlfs::imap
