// Mounts over a network that a test makes bad, and what their readers saw.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/proof_mail.h"
#include "support/running.h"
#include "support/soak.h"
#include "support/tree.h"
#include "support/witness.h"

namespace emlfs::test::faults {

using std::chrono::seconds;

constexpr Milliseconds kTimeout{2'000};
constexpr seconds kRecovery{5};
constexpr size_t kMailboxes = 16;  // of each mount; each is looked at for the first time once
constexpr size_t kAtOnce = 4;      // mounts that wait at the same time

// What a reader may be told while the network is bad, beside ETIMEDOUT where nothing moves.
inline bool isOffline(int error) {
  return error == ENETUNREACH || error == ETIMEDOUT;
}

inline std::string mailbox(size_t index) {
  return fmt::format("M{:02}", index);
}

// An INBOX and `count` other mailboxes: a small message, one of several packets, and in INBOX one
// of several chunks.
inline void populate(const Dovecot& server, size_t count) {
  ImapClient client(server);
  std::mt19937_64 random(chosenSeed());
  for (size_t i = 0; i < count; ++i) {
    client.command(fmt::format("CREATE {}", mailbox(i)));
    client.append(mailbox(i), "", proofMessage({random(), 400}));
    client.append(mailbox(i), "\\Seen", proofMessage({random(), 2'000 + random() % 9'000}));
  }
  for (const size_t size : {500, 40'000, 400'000})
    client.append("INBOX", "", proofMessage({random(), size}));
}

// A mount through a proxy of its own.
struct Line {
  Line(const Dovecot& dovecot, bool tls, std::vector<std::string> options,
       Milliseconds limit = kTimeout)
      : server(dovecot),
        proxy(Proxy::start({dovecot.host(), tls ? dovecot.imapsPort() : dovecot.imapPort()})),
        witness(limit + schedulingMargin()) {
    options.push_back(fmt::format("timeout={}ms", kTimeout.count()));
    if (tls)
      options.push_back("ca_file=" + dovecot.caFile());
    else
      options.emplace_back("plaintext");
    mount = std::make_unique<Mount>(fmt::format("{}://{}@{}:{}", tls ? "imaps" : "imap",
                                                dovecot.user(), dovecot.host(), proxy->port()),
                                    dovecot.password(), options);
  }

  std::string operator/(const std::string& name) const { return *mount / name; }

  // Everything below `directory`. True if all of it could be read; other errors than those of a bad
  // network are complained about.
  bool readsAll(const std::string& directory) {
    const auto errors = witness.readAll(mount->path() + "/" + directory);
    for (const int error : errors)
      if (!isOffline(error) && !(garbled && error == EIO))
        witness.complain(fmt::format("{} in {}", errorText(error), directory));
    return errors.empty();
  }

  // How long it took until all of `directory` could be read, at most.
  Milliseconds recovered(const std::string& directory) {
    const auto began = Clock::now();
    EXPECT_TRUE(eventually([&] { return readsAll(directory); }, kRecovery + schedulingMargin()))
        << directory << " can't be read " << kRecovery.count() << " s after the end of the fault";
    return std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
  }

  const Dovecot& server;
  bool garbled = false;  // what comes is not what the server said: EIO is an answer
  std::unique_ptr<Proxy> proxy;
  Witness witness;
  std::unique_ptr<Mount> mount;
};

// What all lines of a test saw; they are used by several threads.
class Outcome {
 public:
  explicit Outcome(std::string what) : what_(std::move(what)) {}

  void add(const Line& line) {
    const Figures one = line.witness.figures();
    const std::lock_guard lock(mutex_);
    if (one.late > 0 || !one.complaints.empty()) fmt::print("{}\n", line.mount->log());
    all_.calls += one.calls;
    all_.late += one.late;
    all_.slowest = std::max(all_.slowest, one.slowest);
    all_.bodies += one.bodies;
    all_.bytes += one.bytes;
    all_.wrong += one.wrong;
    for (const auto& [error, count] : one.errors) all_.errors[error] += count;
    all_.complaints.insert(all_.complaints.end(), one.complaints.begin(), one.complaints.end());
  }
  void tried(bool hit) {
    ++tried_;
    if (hit) ++hit_;
  }
  void recovered(Milliseconds after) {
    const std::lock_guard lock(mutex_);
    slowest_recovery_ = std::max(slowest_recovery_, after);
  }

  void report() const {
    fmt::print("{}: {} tried, {} met traffic; {}; recovered after {} ms at most\n", what_,
               tried_.load(), hit_.load(), text(all_), slowest_recovery_.count());
    EXPECT_EQ(all_.wrong, 0U);
    EXPECT_EQ(all_.late, 0U);
    for (const auto& complaint : all_.complaints) ADD_FAILURE() << complaint;
  }
  const Figures& figures() const { return all_; }
  uint64_t hit() const { return hit_; }

 private:
  const std::string what_;
  std::mutex mutex_;
  Figures all_;
  Milliseconds slowest_recovery_{0};
  std::atomic<uint64_t> tried_{0};
  std::atomic<uint64_t> hit_{0};
};

// Calls `body` with the index of each of `count` pieces of work, on kAtOnce threads.
inline void inParallel(size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < std::min(kAtOnce, count); ++i) {
    threads.emplace_back([&] {
      try {
        for (size_t mine = 0; (mine = next++) < count;) body(mine);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace emlfs::test::faults
