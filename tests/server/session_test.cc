// A session with a real Dovecot: what it gives is what lies in the Maildir.
#include "emlfs/imap/session.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>

#include "emlfs/base/error.h"
#include "support/dovecot.h"

namespace emlfs::imap {
namespace {

using test::Dovecot;

SessionOptions optionsFor(const Dovecot& dovecot, Security security) {
  SessionOptions options;
  options.endpoint.host = dovecot.host();
  options.endpoint.port = security == Security::tls ? dovecot.imapsPort() : dovecot.imapPort();
  options.endpoint.security = security;
  options.endpoint.user = dovecot.user();
  options.endpoint.ca_file = dovecot.caFile();
  options.password = [password = dovecot.password()] { return Secret(password); };
  return options;
}

std::string sampleMessage(int number, size_t size) {
  std::string message = "From: Alice <alice@example.org>\r\nSubject: number " +
                        std::to_string(number) + "\r\nMessage-ID: <" + std::to_string(number) +
                        "@example.org>\r\n\r\n";
  while (message.size() < size) message += "line of " + std::to_string(message.size()) + "\r\n";
  return message;
}

std::string wholeBody(Session& session, Uid uid, uint32_t step) {
  std::string body;
  for (;;) {
    BodyPiece piece = session.fetchBody(uid, body.size(), step);
    body += piece.bytes;
    if (piece.at_end) return body;
  }
}

Code codeOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "no error was thrown";
  return Code::system;
}

TEST(SessionWithDovecot, LooksThroughTheAccount) {
  const Dovecot dovecot;
  std::map<Uid, std::string> sent;
  for (int i = 1; i <= 5; ++i) {
    sent[static_cast<Uid>(i)] = sampleMessage(i, static_cast<size_t>(i) * 40'000);
    dovecot.deliver("Sess", sent[static_cast<Uid>(i)]);
  }
  for (const Security security : {Security::tls, Security::starttls}) {
    const auto session = Session::open(optionsFor(dovecot, security));
    EXPECT_THAT(session->tlsVersion(), testing::StartsWith("TLSv1."));
    EXPECT_TRUE(session->capabilities().has("QRESYNC"));

    bool found = false;
    for (const ListEntry& entry : session->list(session->namespaces())) {
      if (entry.wire != "Sess") continue;
      found = true;
      ASSERT_TRUE(entry.status);
      EXPECT_EQ(*entry.status, session->status("Sess"));
      EXPECT_EQ(entry.status->messages, 5U);
    }
    EXPECT_TRUE(found);

    const Selected selected = session->examine("Sess");
    EXPECT_EQ(selected.messages, 5U);
    EXPECT_NE(selected.highest_modseq, 0U);
    EXPECT_EQ(session->searchUids(2, 9).text(), "2:5");
    std::map<Uid, MessageMeta> given;
    session->fetchMetadata(1, UINT32_MAX, [&](MessageMeta&& meta) { given[meta.uid] = meta; });
    ASSERT_EQ(given.size(), 5U);
    for (const auto& [uid, message] : sent) {
      EXPECT_EQ(given[uid].header.subject, "number " + std::to_string(uid));
      EXPECT_EQ(given[uid].header.message_id, "<" + std::to_string(uid) + "@example.org>");
      EXPECT_GT(given[uid].date.seconds, 1'700'000'000);
      EXPECT_NE(given[uid].modseq, 0U);
      EXPECT_EQ(given[uid].size, message.size());
      EXPECT_EQ(wholeBody(*session, uid, 30'000), message);
    }
    EXPECT_EQ(codeOf([&] { session->fetchBody(77, 0, 100); }), Code::stale);
  }
}

TEST(SessionWithDovecot, SeesWhatChanged) {
  const Dovecot dovecot;
  for (int i = 1; i <= 4; ++i) dovecot.deliver("Sess", sampleMessage(i, 100));
  const auto session = Session::open(optionsFor(dovecot, Security::tls));
  const Selected before = session->examine("Sess");
  dovecot.doveadm({"flags add", "\\Flagged", "mailbox", "Sess", "uid", "2"});
  dovecot.doveadm({"expunge", "mailbox", "Sess", "uid", "3"});

  const Selected after =
      session->examine("Sess", Known{before.uid_validity, before.highest_modseq, 4});
  EXPECT_EQ(after.vanished.text(), "3");
  ASSERT_EQ(after.changed.size(), 1U);
  EXPECT_EQ(after.changed[0].uid, 2U);
  EXPECT_TRUE(after.changed[0].flags.has("\\Flagged"));

  std::vector<Uid> changed;
  session->fetchFlags(1, 9, before.highest_modseq,
                      [&](FlagChange&& change) { changed.push_back(change.uid); });
  EXPECT_THAT(changed, testing::ElementsAre(2));
}

TEST(SessionWithDovecot, PlainServer) {
  const Dovecot dovecot;
  dovecot.deliver("Sess", sampleMessage(1, 100));
  SessionOptions options = optionsFor(dovecot, Security::tls);
  options.without = {"CONDSTORE",   "QRESYNC", "ESEARCH", "LIST-EXTENDED",
                     "LIST-STATUS", "SASL-IR", "ENABLE",  "NAMESPACE"};
  const auto session = Session::open(options);
  EXPECT_FALSE(session->list(session->namespaces()).empty());
  const Selected selected = session->examine("Sess", Known{1, 1, 1});
  EXPECT_EQ(selected.messages, 1U);
  EXPECT_EQ(session->searchUids(1, 9).text(), "1");
  int given = 0;
  session->fetchFlags(1, 9, 5, [&](FlagChange&&) { ++given; });
  EXPECT_EQ(given, 1);
}

TEST(SessionWithDovecot, Refusals) {
  const Dovecot dovecot;
  const SessionOptions options = optionsFor(dovecot, Security::tls);
  const auto session = Session::open(options);
  EXPECT_EQ(codeOf([&] { session->examine("no such mailbox"); }), Code::not_found);
  EXPECT_EQ(session->selected(), "");
  session->noop();
  SessionOptions wrong = options;
  wrong.password = [] { return Secret("wrong"); };
  EXPECT_EQ(codeOf([&] { Session::open(wrong); }), Code::auth);
}

}  // namespace
}  // namespace emlfs::imap
