#include "imap/scram.h"

#include <gmock/gmock.h>

#include "emlfs/base/error.h"
#include "imap/base64.h"
#include "imap/sasl.h"

namespace emlfs::imap {
namespace {

using testing::HasSubstr;

const Secret kPassword("pencil");
const std::string kFirst = "n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string kNonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string kSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";

std::string serverFirst(const std::string& nonce, const std::string& salt,
                        const std::string& rounds) {
  return "r=" + nonce + ",s=" + salt + ",i=" + rounds;
}

std::string refusal(const std::string& server) {
  try {
    return "accepted: " + scramFinal(kFirst, kPassword, server).message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code, Code::auth);
    EXPECT_EQ(error.scope, Scope::account);
    return error.what();
  }
}

// RFC 7677 section 3.
TEST(Scram, TheExampleOfItsRfc) {
  EXPECT_EQ(scramFirst("user", "rOprNGfwEbeRWgbNEkqO"), kFirst);
  const ScramFinal last = scramFinal(kFirst, kPassword, serverFirst(kNonce, kSalt, "4096"));
  EXPECT_EQ(last.message, "c=biws,r=" + kNonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_EQ(encodeBase64(last.server_signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  verifyScram(last.server_signature, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, AServerThatDoesNotKnowThePasswordIsFoundOut) {
  const ScramFinal last = scramFinal(kFirst, kPassword, serverFirst(kNonce, kSalt, "4096"));
  for (const char* lie : {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "v=AAAA", "v=!",
                          "", "x", "e=other-error"})
    EXPECT_THROW(verifyScram(last.server_signature, lie), Error) << lie;
}

TEST(Scram, RoundsHaveBounds) {
  EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, "600000")), HasSubstr("accepted"));
  EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, "600001")), HasSubstr("600001 rounds"));
  EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, "1000000000")), HasSubstr("more computing"));
  EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, "4095")), HasSubstr("too easy"));
  EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, "1")), HasSubstr("too easy"));
  for (const char* rounds : {"", "0x1000", "-4096", "99999999999999999999", "4096 "})
    EXPECT_THAT(refusal(serverFirst(kNonce, kSalt, rounds)), HasSubstr("something else")) << rounds;
}

TEST(Scram, AnswersThatAreNone) {
  EXPECT_THAT(refusal("m=ext," + serverFirst(kNonce, kSalt, "4096")), HasSubstr("extension"));
  EXPECT_THAT(refusal(serverFirst("somebody-else", kSalt, "4096")), HasSubstr("nonce"));
  EXPECT_THAT(refusal(serverFirst("rOprNGfwEbeRWgbNEkqO", kSalt, "4096")), HasSubstr("nonce"));
  EXPECT_THAT(refusal(serverFirst(kNonce, "no base64", "4096")), HasSubstr("salt"));
  EXPECT_THAT(refusal(serverFirst(kNonce, "", "4096")), HasSubstr("salt"));
  EXPECT_THAT(refusal(serverFirst(kNonce, std::string(5'000, 'A'), "4096")),
              HasSubstr("without end"));
  for (const std::string& server : {std::string(), std::string("r="), "r=" + kNonce,
                                    "s=" + kSalt + ",r=" + kNonce + ",i=4096", std::string("x")})
    EXPECT_THAT(refusal(server), testing::Not(HasSubstr("accepted"))) << server;
}

TEST(Scram, NamesAreQuotedAndNoncesDiffer) {
  EXPECT_EQ(scramFirst("a=b,c", "n"), "n=a=3Db=2Cc,r=n");
  EXPECT_EQ(scramNonce().size(), 24U);
  EXPECT_NE(scramNonce(), scramNonce());
}

TEST(Base64, GoesThereAndBack) {
  for (const std::string& bytes :
       {std::string(), std::string("f"), std::string("fo"), std::string("foo"),
        std::string("foob\0\xff", 6), std::string(1'000, '\xfe')})
    EXPECT_EQ(decodeBase64(encodeBase64(bytes)), bytes);
  EXPECT_EQ(decodeBase64("Zm9vYg=="), "foob");
  for (const char* text : {"Z", "Zm9vYg", "Zm9vYg=", "Zm9vY===", "Zm9v Yg=", "Zm9vYh==", "====",
                           "=", "Zm=v", "Zm9vYg==Zm9v"})
    EXPECT_EQ(decodeBase64(text), std::nullopt) << text;
}

std::string said(Mechanism& mechanism) {
  return std::string(mechanism.first().value().reveal());
}

TEST(Sasl, WhatEachSays) {
  const Secret token("ya29.token");
  Endpoint endpoint;
  endpoint.host = "server.example.com";
  endpoint.port = 143;
  endpoint.user = "user@example.com";
  // RFC 7628 section 4.1.
  EXPECT_EQ(said(*oauthBearerMechanism(endpoint, token)),
            "n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer ya29.token\1\1");
  EXPECT_EQ(said(*xoauth2Mechanism(endpoint.user, token)),
            "user=user@example.com\1auth=Bearer ya29.token\1\1");
  EXPECT_EQ(said(*externalMechanism("alice")), "alice");
  const auto login = loginMechanism("alice", kPassword);
  EXPECT_FALSE(login->first());
  EXPECT_EQ(login->answer("User Name").reveal(), "alice");
  EXPECT_EQ(login->answer("Password").reveal(), "pencil");
  EXPECT_THROW(login->answer("Mother's maiden name"), Error);
}

TEST(Sasl, ATokenIsOneWord) {
  const std::string user = "alice";
  for (const char* text : {"", "two words", "a\1auth=Bearer x", "\xc3\xa4", "a\n"}) {
    const Secret token(text);
    EXPECT_THROW(xoauth2Mechanism(user, token), Error) << text;
  }
  EXPECT_THROW(xoauth2Mechanism("alice\1auth=Bearer stolen", Secret("t")), Error);
}

TEST(Sasl, AnErrorIsTakenApart) {
  const Secret token("t");
  const auto mechanism = xoauth2Mechanism("alice", token);
  EXPECT_EQ(
      mechanism->answer(R"({"status":"400","schemes":"Bearer","scope":"https://\u001bmail/"})")
          .reveal(),
      "");
  EXPECT_EQ(mechanism->refusal(), "status 400, scope https://?mail/");
  EXPECT_THROW(mechanism->succeeded(), Error);
  for (const char* challenge :
       {"", "no json", "[]", R"({"status":[[[]]]})", "{\"status\":\"\xff\"}"}) {
    const auto other = xoauth2Mechanism("alice", token);
    other->answer(challenge);
    EXPECT_EQ(other->refusal(), "") << challenge;
    EXPECT_THROW(other->answer("again"), Error);
  }
}

}  // namespace
}  // namespace emlfs::imap
