#include "imap/sasl.h"

#include <fmt/format.h>

#include <utility>

#include "emlfs/base/error.h"

namespace emlfs::imap {
namespace {

void refuseNul(std::string_view text) {
  if (text.find('\0') != text.npos)
    throw Error(Code::auth, Scope::account, "a user name or password can't hold a NUL");
}

class Plain : public Mechanism {
 public:
  Plain(const std::string& user, const Secret& password) : user_(user), password_(password) {
    refuseNul(user);
    refuseNul(password.reveal());
  }
  std::string name() const override { return "PLAIN"; }
  std::optional<Secret> first() override {
    std::string message;
    message.reserve(user_.size() + password_.reveal().size() + 64);
    message.append(1, '\0').append(user_).append(1, '\0').append(password_.reveal());
    return Secret(std::move(message));
  }
  Secret answer(std::string_view) override { unexpectedChallenge(name()); }

 private:
  const std::string user_;
  const Secret& password_;
};

// The challenges say "User Name" and "Password" in some way: only their order counts.
class Login : public Mechanism {
 public:
  Login(const std::string& user, const Secret& password) : user_(user), password_(password) {}
  std::string name() const override { return "LOGIN"; }
  std::optional<Secret> first() override { return std::nullopt; }
  Secret answer(std::string_view) override {
    switch (asked_++) {
      case 0:
        return Secret(user_);
      case 1:
        return password_;
      default:
        unexpectedChallenge(name());
    }
  }

 private:
  const std::string user_;
  const Secret& password_;
  unsigned asked_ = 0;
};

class External : public Mechanism {
 public:
  explicit External(const std::string& user) : user_(user) { refuseNul(user); }
  std::string name() const override { return "EXTERNAL"; }
  std::optional<Secret> first() override { return Secret(user_); }
  Secret answer(std::string_view) override { unexpectedChallenge(name()); }

 private:
  const std::string user_;
};

}  // namespace

MechanismPtr plainMechanism(const std::string& user, const Secret& password) {
  return std::make_unique<Plain>(user, password);
}

MechanismPtr loginMechanism(const std::string& user, const Secret& password) {
  return std::make_unique<Login>(user, password);
}

MechanismPtr externalMechanism(const std::string& user) {
  return std::make_unique<External>(user);
}

std::string saslName(std::string_view user) {
  std::string name;
  for (const char c : user) {
    if (c == '=')
      name += "=3D";
    else if (c == ',')
      name += "=2C";
    else
      name += c;
  }
  return name;
}

void unexpectedChallenge(std::string_view mechanism) {
  throw Error(Code::protocol, Scope::connection,
              fmt::format("the server asks on though {} has nothing more to say", mechanism));
}

}  // namespace emlfs::imap
