#include "emlfs/base/error.h"
#include "imap/sasl.h"
#include "imap/scram.h"

namespace emlfs::imap {
namespace {

class Scram : public Mechanism {
 public:
  Scram(const std::string& user, const Secret& password)
      : first_(scramFirst(user, scramNonce())), password_(password) {
    if (user.find('\0') != user.npos)
      throw Error(Code::auth, Scope::account, "a user name can't hold a NUL");
  }
  std::string name() const override { return "SCRAM-SHA-256"; }
  // Without channel binding: TLS has verified who the server is.
  std::optional<Secret> first() override { return Secret("n,," + first_); }
  Secret answer(std::string_view challenge) override {
    if (signature_.empty()) {
      ScramFinal last = scramFinal(first_, password_, challenge);
      signature_ = std::move(last.server_signature);
      return Secret(std::move(last.message));
    }
    if (verified_) unexpectedChallenge(name());
    verifyScram(signature_, challenge);
    verified_ = true;
    return Secret();
  }
  void succeeded() const override {
    if (verified_) return;
    throw Error(Code::auth, Scope::account,
                "SCRAM-SHA-256: the server says OK before it has proved that it knows the "
                "password: it is not the one that it claims to be");
  }

 private:
  const std::string first_;
  const Secret& password_;
  std::string signature_;  // that the server has to have; empty: nothing was proved yet
  bool verified_ = false;
};

}  // namespace

MechanismPtr scramMechanism(const std::string& user, const Secret& password) {
  return std::make_unique<Scram>(user, password);
}

}  // namespace emlfs::imap
