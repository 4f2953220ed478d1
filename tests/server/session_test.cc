// A session with each real server: what it gives is what was delivered there.
#include "emlfs/imap/session.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <map>

#include "emlfs/base/error.h"
#include "support/dovecot.h"
#include "support/server_test.h"
#include "support/session_options.h"

namespace emlfs::imap {
namespace {

using test::ImapServer;

SessionOptions optionsFor(const ImapServer& server, Security security) {
  SessionOptions options = test::sessionOptions(server);
  options.endpoint.security = security;
  if (security != Security::tls) options.endpoint.port = server.imapPort();
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

class SessionWith : public test::ServerTest, public testing::WithParamInterface<ImapServer::Kind> {
 protected:
  void SetUp() override { start(GetParam()); }
  const std::string sess_ = GetParam() == ImapServer::Kind::courier ? "INBOX.Sess" : "Sess";
};

TEST_P(SessionWith, LooksThroughTheAccount) {
  std::map<Uid, std::string> sent;
  for (int i = 1; i <= 5; ++i) {
    sent[static_cast<Uid>(i)] = sampleMessage(i, static_cast<size_t>(i) * 40'000);
    server().deliver("Sess", sent[static_cast<Uid>(i)]);
  }
  for (const Security security : {Security::tls, Security::starttls}) {
    const auto session = Session::open(optionsFor(server(), security));
    EXPECT_THAT(session->tlsVersion(), testing::StartsWith("TLSv1."));
    const bool plain = GetParam() == ImapServer::Kind::courier;
    EXPECT_EQ(session->capabilities().has("QRESYNC"), !plain);
    EXPECT_EQ(session->capabilities().has("MOVE"), !plain);

    bool found = false;
    for (const ListEntry& entry : session->list(session->namespaces())) {
      if (entry.wire != sess_) continue;
      found = true;
      EXPECT_EQ(session->status(sess_).messages, 5U);
      EXPECT_EQ(entry.status.has_value(), !plain);
      EXPECT_EQ(entry.status.value_or(session->status(sess_)), session->status(sess_));
    }
    EXPECT_TRUE(found);

    const Selected selected = session->examine(sess_);
    EXPECT_EQ(selected.messages, 5U);
    EXPECT_EQ(selected.highest_modseq == 0, plain);
    EXPECT_EQ(session->searchUids(2, 9).text(), "2:5");
    std::map<Uid, MessageMeta> given;
    session->fetchMetadata(1, UINT32_MAX, [&](MessageMeta&& meta) { given[meta.uid] = meta; });
    ASSERT_EQ(given.size(), 5U);
    for (const auto& [uid, message] : sent) {
      EXPECT_EQ(given[uid].header.subject, "number " + std::to_string(uid));
      EXPECT_EQ(given[uid].header.message_id, "<" + std::to_string(uid) + "@example.org>");
      EXPECT_GT(given[uid].date.seconds, 1'700'000'000);
      EXPECT_EQ(given[uid].modseq == 0, plain);
      EXPECT_EQ(given[uid].size, message.size());
      EXPECT_EQ(wholeBody(*session, uid, 30'000), message);
    }
    EXPECT_EQ(codeOf([&] { session->fetchBody(77, 0, 100); }), Code::stale);
  }
}

TEST_P(SessionWith, SeesWhatChanged) {
  for (int i = 1; i <= 4; ++i) server().deliver("Sess", sampleMessage(i, 100));
  const auto session = Session::open(optionsFor(server(), Security::tls));
  const Selected before = session->examine(sess_);
  server().changeFlags("Sess", "2", "+\\Flagged");
  server().expunge("Sess", "3");

  const Selected after =
      session->examine(sess_, Known{before.uid_validity, before.highest_modseq, 4});
  EXPECT_EQ(after.messages, 3U);
  EXPECT_EQ(session->searchUids(1, 9).text(), "1:2,4");
  if (session->capabilities().has("QRESYNC")) {
    EXPECT_EQ(after.vanished.text(), "3");
    ASSERT_EQ(after.changed.size(), 1U);
    EXPECT_EQ(after.changed[0].uid, 2U);
    EXPECT_TRUE(after.changed[0].flags.has("\\Flagged"));
  }

  std::vector<Uid> given;
  std::vector<Uid> flagged;
  session->fetchFlags(1, 9, before.highest_modseq, [&](FlagChange&& change) {
    given.push_back(change.uid);
    if (change.flags.has("\\Flagged")) flagged.push_back(change.uid);
  });
  EXPECT_THAT(flagged, testing::ElementsAre(2));
  EXPECT_EQ(given == flagged, session->capabilities().has("CONDSTORE"));
}

TEST_P(SessionWith, PlainServer) {
  server().deliver("Sess", sampleMessage(1, 100));
  SessionOptions options = optionsFor(server(), Security::tls);
  options.without = {"CONDSTORE",   "QRESYNC", "ESEARCH", "LIST-EXTENDED",
                     "LIST-STATUS", "SASL-IR", "ENABLE",  "NAMESPACE"};
  const auto session = Session::open(options);
  EXPECT_FALSE(session->list(session->namespaces()).empty());
  const Selected selected = session->examine(sess_, Known{1, 1, 1});
  EXPECT_EQ(selected.messages, 1U);
  EXPECT_EQ(session->searchUids(1, 9).text(), "1");
  int given = 0;
  session->fetchFlags(1, 9, 5, [&](FlagChange&&) { ++given; });
  EXPECT_EQ(given, 1);
}

TEST_P(SessionWith, Refusals) {
  const SessionOptions options = optionsFor(server(), Security::tls);
  const auto session = Session::open(options);
  EXPECT_EQ(codeOf([&] { session->examine("no such mailbox"); }), Code::not_found);
  EXPECT_EQ(session->selected(), "");
  session->noop();
  SessionOptions wrong = options;
  wrong.secret = [](const auto&) { return Secret("wrong"); };
  EXPECT_EQ(codeOf([&] { Session::open(wrong); }), Code::auth);
}

// The server has listed it, and its file is gone when the file is looked at.
TEST(SessionWithDovecot, AMessageThatGoesMeanwhileIsNotListed) {
  const test::Dovecot server;
  for (int i = 1; i <= 3; ++i) server.deliver("Sess", sampleMessage(i, 100));
  const auto session = Session::open(optionsFor(server, Security::tls));
  ASSERT_EQ(session->examine("Sess").messages, 3U);
  std::vector<std::filesystem::path> files;
  for (const char* part : {"/Sess/cur", "/Sess/new"})
    for (const auto& file : std::filesystem::directory_iterator(server.mailDirectory() + part))
      files.push_back(file.path());
  ASSERT_EQ(files.size(), 3U);
  std::filesystem::remove(files.at(1));
  int given = 0;
  session->fetchMetadata(1, 9, [&](MessageMeta&& meta) {
    ++given;
    EXPECT_EQ(meta.size, sampleMessage(1, 100).size()) << meta.uid;
    EXPECT_THAT(meta.header.subject, testing::StartsWith("number ")) << meta.uid;
  });
  EXPECT_EQ(given, 2);
}

INSTANTIATE_TEST_SUITE_P(Each, SessionWith, test::kEachKind,
                         [](const auto& each) { return nameOf(each.param); });

}  // namespace
}  // namespace emlfs::imap
