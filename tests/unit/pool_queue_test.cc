#include "imap/pool_queue.h"

#include <gtest/gtest.h>

#include "imap/backoff.h"

namespace emlfs::imap {
namespace {

QueuedJob job(Lane lane, const std::string& mailbox) {
  return {.job = {lane, mailbox, {}, {}, {}}, .done = {}};
}

Taker taker(const std::string& selected) {
  return {selected, 1, true, true, true, [](const QueuedJob&) { return false; }};
}

// The mailbox of the job taken, "-" for none.
std::string taken(JobQueue& queue, const Taker& by, Clock::time_point now = Clock::now()) {
  const std::optional<QueuedJob> got = queue.take(by, now);
  return got ? got->job.mailbox : "-";
}

TEST(JobQueueTest, GoesByTheOrderOfTheLanesAndOnlyWhereAllowed) {
  JobQueue queue;
  queue.push(job(Lane::watch, "w"));
  queue.push(job(Lane::background, "b"));
  queue.push(job(Lane::ahead, "a"));
  queue.push(job(Lane::reading, "r"));
  queue.push(job(Lane::listing, "l"));
  Taker restricted = taker("b");
  restricted.bodies = restricted.watch = false;
  EXPECT_EQ(taken(queue, restricted), "l");
  EXPECT_EQ(taken(queue, restricted), "-");
  EXPECT_EQ(taken(queue, taker("b")), "r");
  restricted.bodies = true;
  restricted.ahead = false;
  EXPECT_EQ(taken(queue, restricted), "b");
  EXPECT_EQ(taken(queue, restricted), "-");
  EXPECT_EQ(taken(queue, taker("")), "a");
  EXPECT_EQ(taken(queue, taker("")), "w");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(JobQueueTest, TheBackgroundIsNotPutOffForEver) {
  JobQueue queue;
  const auto now = Clock::now();
  queue.push(job(Lane::background, "b"));
  queue.push(job(Lane::reading, "r1"));
  queue.push(job(Lane::reading, "r2"));
  EXPECT_EQ(taken(queue, taker(""), now), "r1");
  EXPECT_EQ(taken(queue, taker(""), now + Milliseconds(5'000)), "b");
  EXPECT_EQ(taken(queue, taker(""), now + Milliseconds(5'000)), "r2");
}

TEST(JobQueueTest, PrefersWhatIsSelectedButNotForEver) {
  JobQueue queue;
  queue.push(job(Lane::listing, "old"));
  for (int i = 0; i < 40; ++i) queue.push(job(Lane::listing, "here"));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(taken(queue, taker("here")), "here") << i;
  EXPECT_EQ(taken(queue, taker("here")), "old");
  EXPECT_EQ(taken(queue, taker("here")), "here");
}

TEST(JobQueueTest, WhatIsToBeFirstIsAlsoBeforeWhatNeedsNoSelect) {
  JobQueue queue;
  for (const char* mailbox : {"a", "b"}) queue.push(job(Lane::ahead, mailbox));
  auto hurried = job(Lane::ahead, "c");
  hurried.job.first = true;
  queue.push(std::move(hurried));
  EXPECT_EQ(taken(queue, taker("b")), "c");
  EXPECT_EQ(taken(queue, taker("b")), "b");
}

TEST(JobQueueTest, WithoutAMatchTheOldestGoes) {
  JobQueue queue;
  queue.push(job(Lane::listing, "a"));
  queue.push(job(Lane::listing, "b"));
  EXPECT_EQ(taken(queue, taker("x")), "a");
}

TEST(JobQueueTest, AJobForNoMailboxFitsAnyConnection) {
  JobQueue queue;
  queue.push(job(Lane::listing, "a"));
  queue.push(job(Lane::listing, ""));
  queue.push(job(Lane::listing, "x"));
  EXPECT_EQ(taken(queue, taker("x")), "");
}

TEST(JobQueueTest, LeavesAMailboxToTheIdleConnectionThatHasIt) {
  JobQueue queue;
  queue.push(job(Lane::listing, "theirs"));
  Taker by = taker("x");
  by.left_to_others = [](const QueuedJob& each) { return each.job.mailbox == "theirs"; };
  EXPECT_EQ(taken(queue, by), "-");
  queue.push(job(Lane::listing, "free"));
  EXPECT_EQ(taken(queue, by), "free");
}

TEST(JobQueueTest, KeepsAJobForNewerSessions) {
  JobQueue queue;
  QueuedJob retry = job(Lane::listing, "x");
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

TEST(BackoffTest, PausesDoubleUpToFiveMinutes) {
  Backoff backoff;
  Clock::time_point now = kStart;
  Milliseconds expected{1'000};
  for (int i = 0; i < 12; ++i) {
    backoff.failed(kDown, now, now, 0.5);
    EXPECT_EQ(backoff.until() - now, expected) << i;
    EXPECT_TRUE(backoff.pausing(now));
    now = backoff.until();
    EXPECT_FALSE(backoff.pausing(now));
    expected = std::min(expected * 2, Milliseconds(300'000));
  }
  EXPECT_EQ(backoff.since(), kStart);
  backoff.succeeded();
  EXPECT_FALSE(backoff.failing());
  backoff.failed(kDown, now, now, 0.5);
  EXPECT_EQ(backoff.until() - now, Milliseconds(1'000));
}

TEST(BackoffTest, TriesAtTheSameTimeCountOnce) {
  const Error refused{Code::auth, Scope::account, "no"};
  Backoff backoff;
  for (const Milliseconds later : {Milliseconds(5'000), Milliseconds(6'000), Milliseconds(7'000)})
    backoff.failed(refused, kStart, kStart + later, 0);
  EXPECT_EQ(backoff.until() - backoff.last(), Milliseconds(60'000));
  backoff.failed(refused, kStart + Milliseconds(67'000), kStart + Milliseconds(68'000), 0);
  EXPECT_EQ(backoff.until() - backoff.last(), Milliseconds(120'000));
}

TEST(BackoffTest, JitterSpreadsThePause) {
  Backoff early;
  early.failed(kDown, kStart, kStart, 0);
  EXPECT_EQ(early.until() - kStart, Milliseconds(750));
  Backoff late;
  late.failed(kDown, kStart, kStart, 1);
  EXPECT_EQ(late.until() - kStart, Milliseconds(1'250));
}

TEST(BackoffTest, AHurryCutsThePauseShortAndDoesNotLengthenTheNext) {
  Backoff backoff;
  Clock::time_point now = kStart;
  for (int i = 0; i < 6; ++i) {
    backoff.failed(kDown, now, now, 0.5);
    now = backoff.until();
  }
  const auto failed_at = now;
  backoff.failed(kDown, now, now, 0.5);
  EXPECT_FALSE(backoff.mayHurry(failed_at + Milliseconds(100)));
  EXPECT_TRUE(backoff.mayHurry(failed_at + Milliseconds(500)));
  backoff.hurry(failed_at + Milliseconds(100));
  EXPECT_EQ(backoff.until(), failed_at + Milliseconds(500));
  backoff.failed(kDown, backoff.until(), backoff.until(), 0.5);
  EXPECT_EQ(backoff.until() - failed_at, Milliseconds(500 + 64'000));
  backoff.forgive(failed_at + Milliseconds(600));
  EXPECT_FALSE(backoff.pausing(failed_at + Milliseconds(600)));
}

TEST(BackoffTest, TriesThatTakeLongAreNotMadeAllTheTime) {
  Backoff backoff;
  backoff.failed(kDown, kStart, kStart, 0.5);
  EXPECT_TRUE(backoff.mayHurry(kStart));
  backoff.failed(kDown, kStart, kStart + Milliseconds(3'000), 0.5);
  EXPECT_FALSE(backoff.mayHurry(kStart + Milliseconds(5'000)));
  EXPECT_TRUE(backoff.mayHurry(kStart + Milliseconds(6'000)));
}

TEST(BackoffTest, NothingHurriesRefusedCredentials) {
  Backoff backoff;
  backoff.failed({Code::auth, Scope::account, "wrong password"}, kStart, kStart, 0);
  backoff.hurry(kStart + Milliseconds(30'000));
  backoff.forgive(kStart + Milliseconds(30'000));
  EXPECT_FALSE(backoff.mayHurry(kStart + Milliseconds(30'000)));
  EXPECT_TRUE(backoff.pausing(kStart + Milliseconds(59'999)));
  EXPECT_FALSE(backoff.pausing(kStart + Milliseconds(60'000)));
}

// There is no secret to be had now: nothing that a server could lock an account for.
TEST(BackoffTest, ATokenCommandThatFailsIsLikeANetworkThatIsAway) {
  Backoff backoff;
  backoff.failed({Code::auth, Scope::connection, "token_command failed"}, kStart, kStart, 0.5);
  EXPECT_EQ(backoff.until() - kStart, Milliseconds(1'000));
  EXPECT_TRUE(backoff.mayHurry(kStart + Milliseconds(500)));
  backoff.failed({Code::auth, Scope::account, "refused"}, kStart, kStart, 0);
  EXPECT_FALSE(backoff.mayHurry(kStart + Milliseconds(59'999)));
  EXPECT_EQ(backoff.until() - kStart, Milliseconds(60'000));
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
  add(Lane::listing, "old", Milliseconds(9'000));
  add(Lane::listing, "new", Milliseconds(1'000));
  add(Lane::background, "nobody waits", Milliseconds(9'000));
  const auto overdue = queue.takeWaitingSince(now - Milliseconds(5'000));
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(overdue[0].job.mailbox, "old");
  EXPECT_EQ(queue.size(Lane::listing), 1U);
  EXPECT_EQ(queue.size(Lane::background), 1U);
}

TEST(JobQueue, AJobThatGetsNoNewerSessionMayMeetOneMoreDeadOne) {
  JobQueue queue;
  QueuedJob retry = job(Lane::listing, "met a dead one");
  retry.retries = 1;
  retry.first_session = 2;
  queue.push(job(Lane::listing, "waits for its turn"));
  queue.push(std::move(retry));
  queue.acceptAnySession();
  auto jobs = queue.drain();
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[1].retries, 0U);
  jobs[1].first_session = 3;
  for (QueuedJob& each : jobs) queue.push(std::move(each));
  const auto taken = queue.takeRetriesSince(Clock::now());
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].job.mailbox, "met a dead one");
}

TEST(BackoffTest, ASingleCutIsNotLasting) {
  Backoff backoff;
  backoff.failed(kDown, kStart, kStart, 0.5);
  EXPECT_FALSE(backoff.lasting());
  backoff.failed(kDown, kStart, kStart, 0.5);
  EXPECT_TRUE(backoff.lasting());
  backoff.succeeded();
  EXPECT_FALSE(backoff.lasting());
  backoff.failed({Code::timeout, Scope::connection, "silent"}, kStart, kStart, 0.5);
  EXPECT_TRUE(backoff.lasting());
}

}  // namespace
}  // namespace emlfs::imap
