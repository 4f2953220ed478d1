// The pending changes of mailboxes over the server's list.
#include "sync/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace emlfs::sync {
namespace {

using store::Change;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;
using Kind = Change::Kind;
using State = Change::State;

Change change(Kind kind, const std::string& name, const std::string& other = {},
              State state = State::pending) {
  Change made;
  made.kind = kind;
  made.id = MessageId{kDirectoryBit | 77};
  made.mailbox = name;
  made.other = other;
  made.state = state;
  return made;
}
Change create(const std::string& name, State state = State::pending) {
  return change(Kind::create_mailbox, name, {}, state);
}
Change rename(const std::string& name, const std::string& to, State state = State::pending) {
  return change(Kind::rename_mailbox, name, to, state);
}
Change removal(const std::string& name, const std::string& aside = {}) {
  return change(Kind::remove_mailbox, name, aside, aside.empty() ? State::pending : State::begun);
}

std::vector<ListEntry> list(const std::vector<std::string>& names) {
  std::vector<ListEntry> entries;
  for (const auto& name : names) {
    ListEntry entry;
    entry.wire = name;
    entry.delimiter = '/';
    entries.push_back(std::move(entry));
  }
  return entries;
}

// What each will be called, and what it is called now.
std::map<std::string, std::string> names(const Plan& plan) {
  std::map<std::string, std::string> all;
  for (const auto& one : plan.mailboxes) {
    EXPECT_EQ(all.count(one.entry.wire), 0U) << one.entry.wire;
    all[one.entry.wire] = one.wire;
  }
  return all;
}
std::map<std::string, std::string> planned(const std::vector<std::string>& now,
                                           const std::vector<Change>& changes) {
  return names(plan(list(now), changes, '/'));
}

TEST(Overlay, ACreatedMailboxIsThereOnce) {
  EXPECT_THAT(planned({"a"}, {create("b")}), ElementsAre(Pair("a", "a"), Pair("b", "b")));
  const auto before = plan(list({}), {create("b")}, '/');
  EXPECT_TRUE(before.mailboxes.front().unborn);
  EXPECT_EQ(before.mailboxes.front().id, MailboxId{kDirectoryBit | 77});
  // The server has it, and we have not heard so.
  const auto after = plan(list({"b"}), {create("b", State::begun)}, '/');
  EXPECT_THAT(names(after), ElementsAre(Pair("b", "b")));
  EXPECT_FALSE(after.mailboxes.front().unborn);
}

TEST(Overlay, ARenameTakesAllBelowItAlong) {
  EXPECT_THAT(planned({"a", "a/x", "ab"}, {rename("a", "c")}),
              ElementsAre(Pair("ab", "ab"), Pair("c", "a"), Pair("c/x", "a/x")));
  // Whether the answer came or not, each is there once, and known by what the store calls it.
  const auto done = plan(list({"c", "c/x"}), {rename("a", "c", State::begun)}, '/');
  EXPECT_THAT(names(done), ElementsAre(Pair("c", "c"), Pair("c/x", "c/x")));
  EXPECT_EQ(done.mailboxes.back().was, "a/x");
  // Gone elsewhere.
  EXPECT_THAT(planned({"b"}, {rename("a", "c")}), ElementsAre(Pair("b", "b")));
  // It can't be: as things are.
  EXPECT_THAT(planned({"a", "c"}, {rename("a", "c")}), ElementsAre(Pair("a", "a"), Pair("c", "c")));
}

TEST(Overlay, ChangesFollowEachOther) {
  EXPECT_THAT(planned({"a", "b"}, {rename("a", "t"), rename("b", "a"), rename("t", "b")}),
              ElementsAre(Pair("a", "b"), Pair("t", "a")))
      << "the store calls it a still, so that is how the third speaks of it";
  EXPECT_THAT(planned({"a", "b"}, {rename("a", "t"), rename("b", "a"), rename("a", "b")}),
              ElementsAre(Pair("a", "b"), Pair("b", "a")));
  const auto made = provisionalName("a", MailboxId{kDirectoryBit | 77});
  EXPECT_THAT(planned({"a"}, {rename("a", "b"), create(made)}),
              ElementsAre(Pair("a", made), Pair("b", "a")));
  EXPECT_THAT(planned({"a"}, {rename("a", "b"), create(made), create(made + "/x")}),
              ElementsAre(Pair("a", made), Pair("a/x", made + "/x"), Pair("b", "a")));
  // What is moved into one that is renamed after.
  EXPECT_THAT(planned({"a", "b"}, {rename("a", "b/a"), rename("b", "c")}),
              ElementsAre(Pair("c", "b"), Pair("c/a", "a")));
  EXPECT_THAT(planned({"a", "b"}, {rename("b", "c"), rename("a", "b/a")}),
              ElementsAre(Pair("c", "b"), Pair("c/a", "a")));
}

TEST(Overlay, WhatIsRemovedIsNotShown) {
  const auto one = plan(list({"a", "b"}), {removal("a")}, '/');
  EXPECT_THAT(names(one), ElementsAre(Pair("b", "b")));
  EXPECT_THAT(one.removed, ElementsAre("a"));
  const auto aside = plan(list({"a~q", "b"}), {removal("a", "a~q")}, '/');
  EXPECT_THAT(names(aside), ElementsAre(Pair("b", "b")));
  EXPECT_THAT(aside.removed, UnorderedElementsAre("a", "a~q"));
  EXPECT_THAT(plan(list({"b"}), {removal("a", "a~q")}, '/').removed, IsEmpty());
  const auto made = provisionalName("a", MailboxId{kDirectoryBit | 77});
  EXPECT_THAT(planned({"a"}, {removal("a"), create(made)}), ElementsAre(Pair("a", made)));
}

TEST(Overlay, ProvisionalNamesAreNobodyElses) {
  const auto name = provisionalName("x/a1", MailboxId{kDirectoryBit | 9});
  EXPECT_NE(name.find('\n'), std::string::npos);
  EXPECT_EQ(realName(name), "x/a1");
  EXPECT_EQ(realName(name + "/b"), "x/a1/b");
  EXPECT_EQ(realName("x/a1"), "x/a1");
}

}  // namespace
}  // namespace emlfs::sync
