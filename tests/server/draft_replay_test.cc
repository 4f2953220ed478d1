// A file that is written on, or put in a message's place, and what each real server has in the end.
#include <gmock/gmock.h>

#include "server/append_replay.h"

namespace emlfs::sync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_P(AppendReplayTest, LineEndsBecomeThoseOfMail) {
  const auto writer = this->writer();
  std::string lf = numberedMail(1);
  std::erase(lf, '\r');
  const MessageId id = writer->write("A", "one.eml", lf);
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), lf);
  writer->drafts().sealAll();
  const auto record = writer->record("A", "one.eml");
  EXPECT_NE(record.id, id) << "what the kernel has cached of the file never changes";
  EXPECT_EQ(record.size, numberedMail(1).size());
  EXPECT_EQ(writer->drafts().read(record.id, 0, 1000), numberedMail(1));
  writer->settle();
  EXPECT_EQ(onServer("A")[numberedMail(1)].copies, 1);
  EXPECT_EQ(writer->record("A", "one.eml").date.seconds, test::SyncClient::kWritten);
}

TEST_P(AppendReplayTest, ADraftOverAMessageReplacesIt) {
  const auto writer = this->writer();
  writer->add("A", "x.eml:2,F", numberedMail(1));
  writer->settle();
  const auto old = writer->record("A", "x.eml:2,F");

  // The same bytes: nothing is sent.
  proxy_->resetStats();
  const auto same = writer->write("A", ".x.tmp", numberedMail(1));
  EXPECT_TRUE(writer->drafts().rename(same, writer->mailbox("A"), "x.eml:2,F", true));
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml:2,F"));
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(writer->record("A", "x.eml:2,F").uid, old.uid);
  EXPECT_EQ(writer->record("A", "x.eml:2,F").id, same);
  EXPECT_EQ(onServer("A").size(), 1U);
  EXPECT_EQ(onServer("A")[numberedMail(1)].copies, 1);

  // Others: the old one goes once the new one is there.
  const auto other = writer->write("A", ".x.tmp", numberedMail(2));
  EXPECT_THROW(writer->drafts().rename(other, writer->mailbox("A"), "x.eml:2,F", false), Error);
  EXPECT_TRUE(writer->drafts().rename(other, writer->mailbox("A"), "x.eml:2,F", true));
  writer->send();  // it is not finished
  EXPECT_EQ(onServer("A")[numberedMail(1)].copies, 1);
  writer->drafts().sealAll();
  writer->settle();
  auto now = onServer("A");
  EXPECT_EQ(now.size(), 1U);
  EXPECT_EQ(now[numberedMail(2)].copies, 1);
  EXPECT_THAT(now[numberedMail(2)].flags, testing::HasSubstr("\\Flagged"));
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml:2,F"));
  EXPECT_EQ(writer->pending().size(), 0U);
  EXPECT_THAT(writer->spool(), IsEmpty());
}

TEST_P(AppendReplayTest, ADraftOfTheSameBytesKeepsItsFlags) {
  const auto writer = this->writer();
  writer->add("A", "x.eml:2,F", numberedMail(1));
  writer->settle();
  const auto same = writer->write("A", ".x.tmp", numberedMail(1));
  EXPECT_TRUE(writer->drafts().rename(same, writer->mailbox("A"), "x.eml:2,F", true));
  EXPECT_TRUE(writer->drafts().setFlags(same, Flags({"\\Answered"}), {}));
  writer->drafts().sealAll();
  writer->settle();
  auto now = onServer("A");
  EXPECT_EQ(now.size(), 1U);
  EXPECT_EQ(now[numberedMail(1)].copies, 1);
  EXPECT_THAT(now[numberedMail(1)].flags, testing::HasSubstr("\\Answered"));
  EXPECT_THAT(now[numberedMail(1)].flags, testing::HasSubstr("\\Flagged"));
}

TEST_P(AppendReplayTest, WhatBeganHereCanBeWrittenOn) {
  const auto writer = this->writer();
  const auto id = writer->write("A", "x.eml", numberedMail(1));
  writer->drafts().sealAll();
  // Before it is sent, it is a draft again.
  writer->drafts().write(id, numberedMail(1).size(), "more\r\n");
  writer->send();
  EXPECT_THAT(onServer("A"), IsEmpty());
  writer->drafts().closed(writer->mailbox("A"), "x.eml");
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(onServer("A")[numberedMail(1) + "more\r\n"].copies, 1);
  // And after that, a new version.
  writer->drafts().write(id, numberedMail(1).size() + 6, "and more\r\n");
  EXPECT_EQ(writer->drafts().read(id, 0, 1000), numberedMail(1) + "more\r\nand more\r\n");
  writer->send();
  EXPECT_EQ(onServer("A").size(), 1U);
  writer->drafts().closed(writer->mailbox("A"), "x.eml");
  writer->drafts().sealAll();
  writer->settle();
  auto now = onServer("A");
  EXPECT_EQ(now.size(), 1U);
  EXPECT_EQ(now[numberedMail(1) + "more\r\nand more\r\n"].copies, 1);
  EXPECT_EQ(writer->record("A", "x.eml").id, id);
  EXPECT_THAT(writer->names("A"), ElementsAre("x.eml"));
  // Not what another mount made.
  writer->reopen(false);
  EXPECT_THROW(writer->drafts().write(id, 0, "X"), Error);
}

TEST_P(AppendReplayTest, DraftsOutliveTheMount) {
  const auto writer = this->writer();
  writer->write("A", "done.eml", numberedMail(1));
  writer->write("A", ".half.tmp", numberedMail(2));
  writer->drafts().create(writer->mailbox("A"), "empty.eml");
  for (const bool forget : {false, true}) {
    writer->reopen(forget);
    writer->sync();
    EXPECT_THAT(writer->names("A"), UnorderedElementsAre("done.eml", ".half.tmp", "empty.eml"));
    EXPECT_EQ(writer->drafts().read(writer->record("A", "done.eml").id, 0, 1000), numberedMail(1));
  }
  EXPECT_EQ(writer->drafts().unsent().size(), 3U);
  writer->drafts().sealAll();
  writer->settle();
  EXPECT_EQ(onServer("A").size(), 1U);
  EXPECT_EQ(onServer("A")[numberedMail(1)].copies, 1);
  EXPECT_EQ(writer->drafts().unsent().size(), 2U);
  EXPECT_TRUE(writer->drafts().remove(writer->record("A", ".half.tmp").id));
  EXPECT_THAT(writer->names("A"), UnorderedElementsAre("done.eml", "empty.eml"));
}

}  // namespace
}  // namespace emlfs::sync
