#include "imap/pool_queue.h"

#include <gtest/gtest.h>

#include "imap/backoff.h"

namespace emlfs::imap {
namespace {

QueuedJob job(Lane lane, const std::string& mailbox) {
  return {.job = {lane, mailbox, {}, {}}, .done = {}};
}

Taker taker(const std::string& selected) {
  return {selected, 1, true, [](const std::string&) { return false; }};
}

// The mailbox of the job taken, "-" for none.
std::string taken(JobQueue& queue, const Taker& by) {
  const std::optional<QueuedJob> got = queue.take(by);
  return got ? got->job.mailbox : "-";
}

TEST(JobQueueTest, ForegroundGoesFirstAndBackgroundOnlyWhereAllowed) {
  JobQueue queue;
  queue.push(job(Lane::background, "b"));
  queue.push(job(Lane::foreground, "f"));
  EXPECT_EQ(taken(queue, taker("b")), "f");
  Taker restricted = taker("b");
  restricted.background = false;
  EXPECT_EQ(taken(queue, restricted), "-");
  EXPECT_EQ(taken(queue, taker("")), "b");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(JobQueueTest, PrefersWhatIsSelectedButNotForEver) {
  JobQueue queue;
  queue.push(job(Lane::foreground, "old"));
  for (int i = 0; i < 40; ++i) queue.push(job(Lane::foreground, "here"));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(taken(queue, taker("here")), "here") << i;
  EXPECT_EQ(taken(queue, taker("here")), "old");
  EXPECT_EQ(taken(queue, taker("here")), "here");
}

TEST(JobQueueTest, WithoutAMatchTheOldestGoes) {
  JobQueue queue;
  queue.push(job(Lane::foreground, "a"));
  queue.push(job(Lane::foreground, "b"));
  EXPECT_EQ(taken(queue, taker("x")), "a");
}

TEST(JobQueueTest, AJobForNoMailboxFitsAnyConnection) {
  JobQueue queue;
  queue.push(job(Lane::foreground, "a"));
  queue.push(job(Lane::foreground, ""));
  queue.push(job(Lane::foreground, "x"));
  EXPECT_EQ(taken(queue, taker("x")), "");
}

TEST(JobQueueTest, LeavesAMailboxToTheIdleConnectionThatHasIt) {
  JobQueue queue;
  queue.push(job(Lane::foreground, "theirs"));
  Taker by = taker("x");
  by.left_to_others = [](const std::string& mailbox) { return mailbox == "theirs"; };
  EXPECT_EQ(taken(queue, by), "-");
  queue.push(job(Lane::foreground, "free"));
  EXPECT_EQ(taken(queue, by), "free");
}

TEST(JobQueueTest, KeepsAJobForNewerSessions) {
  JobQueue queue;
  QueuedJob retry = job(Lane::foreground, "x");
  retry.first_session = 2;
  queue.pushFront(std::move(retry));
  queue.push(job(Lane::background, "y"));
  EXPECT_EQ(queue.needingNewerThan(1), 1u);
  EXPECT_EQ(queue.needingNewerThan(2), 0u);
  EXPECT_EQ(taken(queue, taker("x")), "y");
  EXPECT_EQ(taken(queue, taker("x")), "-");
  queue.acceptAnySession();
  EXPECT_EQ(taken(queue, taker("x")), "x");
}

const Error kDown{Code::network, Scope::connection, "down"};
const Clock::time_point kStart{};

TEST(BackoffTest, PausesOfTheBackgroundDoubleUpToFiveMinutes) {
  Backoff backoff;
  Clock::time_point now = kStart;
  Milliseconds expected{1'000};
  for (int i = 0; i < 12; ++i) {
    backoff.failed(kDown, now, 0.5);
    EXPECT_EQ(backoff.until() - now, expected) << i;
    EXPECT_TRUE(backoff.refusal(Lane::background, now).has_value());
    EXPECT_FALSE(backoff.refusal(Lane::foreground, now).has_value());
    now = backoff.until();
    EXPECT_FALSE(backoff.refusal(Lane::background, now).has_value());
    expected = std::min(expected * 2, Milliseconds(300'000));
  }
  backoff.succeeded();
  backoff.failed(kDown, now, 0.5);
  EXPECT_EQ(backoff.until() - now, Milliseconds(1'000));
}

TEST(BackoffTest, JitterSpreadsThePauseAndTriesWithinItDontLengthenIt) {
  Backoff early;
  early.failed(kDown, kStart, 0);
  EXPECT_EQ(early.until() - kStart, Milliseconds(750));
  Backoff late;
  late.failed(kDown, kStart, 1);
  EXPECT_EQ(late.until() - kStart, Milliseconds(1'250));
  late.failed(kDown, kStart + Milliseconds(100), 1);
  EXPECT_EQ(late.until() - kStart, Milliseconds(1'250));
}

TEST(BackoffTest, RefusedCredentialsStopEverythingForAMinute) {
  Backoff backoff;
  backoff.failed({Code::auth, Scope::account, "wrong password"}, kStart, 0.5);
  const std::optional<Error> error = backoff.refusal(Lane::foreground, kStart);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, Code::auth);
  EXPECT_STREQ(error->what(), "wrong password");
  EXPECT_TRUE(backoff.refusal(Lane::foreground, kStart + Milliseconds(59'999)).has_value());
  EXPECT_FALSE(backoff.refusal(Lane::foreground, kStart + Milliseconds(60'000)).has_value());
}

// What waited behind a silent server fails with it; what came later, or nobody waits for, stays.
TEST(JobQueue, GivesUpWhatHasWaitedTooLong) {
  JobQueue queue;
  const auto now = Clock::now();
  const auto add = [&](Lane lane, const char* mailbox, Milliseconds age) {
    QueuedJob job;
    job.job.lane = lane;
    job.job.mailbox = mailbox;
    job.since = now - age;
    queue.push(std::move(job));
  };
  add(Lane::foreground, "old", Milliseconds(9'000));
  add(Lane::foreground, "new", Milliseconds(1'000));
  add(Lane::background, "nobody waits", Milliseconds(9'000));
  const auto overdue = queue.takeWaitingSince(now - Milliseconds(5'000));
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0].job.mailbox, "old");
  EXPECT_EQ(queue.size(Lane::foreground), 1U);
  EXPECT_EQ(queue.size(Lane::background), 1U);
}

}  // namespace
}  // namespace emlfs::imap
