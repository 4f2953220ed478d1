#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "emlfs/base/error.h"
#include "imap/sasl.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

constexpr char kEnd = '\x01';  // of each part of a message

void requireToken(const Secret& token) {
  const auto isPart = [](char c) { return c > ' ' && c < 0x7f; };
  if (!token.empty() && std::ranges::all_of(token.reveal(), isPart)) return;
  throw Error(Code::auth, Scope::connection,
              "what token_command prints is no token: it has blanks or other characters in it that "
              "no token has");
}

void refuseControls(const std::string& user) {
  if (std::ranges::any_of(user, [](char c) { return c >= 0 && c < ' '; }))
    throw Error(Code::auth, Scope::account, "a user name can't hold control characters");
}

Secret bearer(const std::string& before, const Secret& token) {
  std::string message;
  message.reserve(before.size() + token.reveal().size() + 64);
  message.append(before).append("auth=Bearer ").append(token.reveal()).append(2, kEnd);
  return Secret(std::move(message));
}

// The server's reasons, JSON (RFC 7628 section 3.2.2): "status 401, scope mail".
std::string reasons(std::string_view challenge) {
  const auto json = nlohmann::json::parse(challenge, nullptr, false);
  if (!json.is_object()) return {};
  std::string all;
  for (const char* name : {"status", "scope"}) {
    const auto at = json.find(name);
    if (at == json.end() || !at->is_string()) continue;
    all += fmt::format("{}{} {}", all.empty() ? "" : ", ", name, at->get<std::string>());
  }
  return printable(all);
}

// Both refuse a token with a challenge, which has to be answered before the NO comes.
class Bearer : public Mechanism {
 public:
  Bearer(const char* name, std::string before, const Secret& token, std::string acknowledgement)
      : name_(name),
        before_(std::move(before)),
        token_(token),
        acknowledgement_(std::move(acknowledgement)) {
    requireToken(token);
  }
  std::string name() const override { return name_; }
  std::optional<Secret> first() override { return bearer(before_, token_); }
  Secret answer(std::string_view challenge) override {
    if (refused_) unexpectedChallenge(name_);
    refused_ = true;
    refusal_ = reasons(challenge);
    return Secret(acknowledgement_);
  }
  void succeeded() const override {
    if (refused_)
      throw Error(Code::protocol, Scope::connection,
                  "the server refuses the token, and says OK then");
  }
  std::string refusal() const override { return refusal_; }

 private:
  const char* name_;
  const std::string before_;
  const Secret& token_;
  const std::string acknowledgement_;
  bool refused_ = false;
  std::string refusal_;
};

}  // namespace

MechanismPtr oauthBearerMechanism(const Endpoint& endpoint, const Secret& token) {
  refuseControls(endpoint.user);
  return std::make_unique<Bearer>(
      "OAUTHBEARER",
      fmt::format("n,a={},{}host={}{}port={}{}", saslName(endpoint.user), kEnd, endpoint.host, kEnd,
                  endpoint.port, kEnd),
      token, std::string(1, kEnd));
}

MechanismPtr xoauth2Mechanism(const std::string& user, const Secret& token) {
  refuseControls(user);
  return std::make_unique<Bearer>("XOAUTH2", fmt::format("user={}{}", user, kEnd), token, "");
}

}  // namespace emlfs::imap
