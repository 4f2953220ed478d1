// Servers that fail in the middle of a body, or send something else: an error at most, and the
// right bytes as soon as the server behaves.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/store/cache.h"
#include "support/eventually.h"
#include "support/gate.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/script_imap.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kChunk = store::kChunkBytes;

std::vector<ScriptMailbox> inbox(const std::vector<size_t>& sizes) {
  ScriptMailbox mailbox{"INBOX", {}};
  for (const size_t size : sizes) {
    const auto uid = static_cast<Uid>(mailbox.messages.size() + 1);
    mailbox.messages.push_back({uid, makeMessage(fmt::format("broken {}", uid), size, uid), {}});
  }
  return {mailbox};
}

class BrokenBody : public MountTest {
 protected:
  void serve(const std::vector<size_t>& sizes, const std::vector<std::string>& options = {}) {
    mailboxes_ = inbox(sizes);
    server_ = std::make_unique<ScriptImap>(mailboxes_);
    std::vector<std::string> all{"plaintext", "poll=10min"};
    all.insert(all.end(), options.begin(), options.end());
    mount_ = std::make_unique<Mount>(server_->url(), "secret", all);
    // The UID stands before the ending, so the order of names is not that of UIDs.
    paths_.resize(sizes.size());
    for (const auto& name : namesIn(*mount_ / "INBOX"))
      for (size_t i = 0; i < sizes.size(); ++i)
        if (name.ends_with(fmt::format(".{}.eml", i + 1))) paths_[i] = *mount_ / ("INBOX/" + name);
  }

  void TearDown() override {
    if (server_) server_->onBody({});
    mount_.reset();
  }

  const std::string& body(size_t index) const { return mailboxes_[0].messages.at(index).body; }
  const std::string& path(size_t index) const { return paths_.at(index); }

  // 0, or the errno of the read; wrong bytes fail the test.
  int readError(size_t index) const {
    const Fd file(::open(path(index).c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes;
    std::string buffer(1 << 20, '\0');
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
      if (got < 0) {
        const int error = errno;
        EXPECT_TRUE(body(index).starts_with(bytes));
        return error;
      }
      if (got == 0) break;
      bytes.append(buffer, 0, static_cast<size_t>(got));
    }
    EXPECT_EQ(bytes.size(), body(index).size());
    EXPECT_TRUE(bytes == body(index));
    return 0;
  }

  bool becomesRight(size_t index) const {
    return eventually([&] { return readError(index) == 0; });
  }

  std::vector<ScriptMailbox> mailboxes_;
  std::unique_ptr<ScriptImap> server_;
  std::unique_ptr<Mount> mount_;
  std::vector<std::string> paths_;
};

const std::vector<size_t> kSizes{3000, kChunk, 2 * kChunk + 5, 5 * kChunk - 1};

TEST_F(BrokenBody, PartsThatAreIgnored) {
  serve(kSizes);
  server_->onBody([](Peer& peer, const BodyRequest& request) {
    peer.send(fmt::format("* {0} FETCH (UID {0} BODY[] {{{1}}}\r\n{2})\r\n{3} OK done\r\n",
                          request.uid, request.body.size(), request.body, request.tag));
    return true;
  });
  for (size_t i = 0; i < kSizes.size(); ++i) EXPECT_EQ(readError(i), 0) << i;
}

TEST_F(BrokenBody, NothingOrNil) {
  for (const char* answer :
       {"", "* {0} FETCH (UID {0} BODY[]<0> NIL)\r\n", "* {0} FETCH (UID {0} BODY[] NIL)\r\n",
        "* {0} FETCH (UID {0} BODY[]<0> \"\")\r\n", "* {0} FETCH (UID {0} FLAGS ())\r\n"}) {
    SCOPED_TRACE(answer);
    serve(kSizes);
    server_->onBody([answer](Peer& peer, const BodyRequest& request) {
      peer.send(fmt::format(fmt::runtime(answer), request.uid) + request.tag + " OK done\r\n");
      return true;
    });
    for (size_t i = 0; i < kSizes.size(); ++i) {
      const int error = readError(i);
      EXPECT_TRUE(error == EIO || error == ESTALE) << i << ": " << error;
    }
    server_->onBody({});
    for (size_t i = 0; i < kSizes.size(); ++i) EXPECT_TRUE(becomesRight(i)) << i;
    mount_.reset();
  }
}

TEST_F(BrokenBody, RefusedOrUnreadable) {
  for (const char* answer :
       {"{0} NO not now\r\n", "{0} BAD what\r\n", "* 1 FETCH (UID\r\n{0} OK done\r\n"}) {
    SCOPED_TRACE(answer);
    serve(kSizes);
    server_->onBody([answer](Peer& peer, const BodyRequest& request) {
      peer.send(fmt::format(fmt::runtime(answer), request.tag));
      return true;
    });
    for (size_t i = 0; i < kSizes.size(); ++i) EXPECT_NE(readError(i), 0) << i;
    server_->onBody({});
    for (size_t i = 0; i < kSizes.size(); ++i) EXPECT_TRUE(becomesRight(i)) << i;
    mount_.reset();
  }
}

TEST_F(BrokenBody, ABreakInTheMiddleIsRepeated) {
  serve(kSizes);
  // Shared, since the server may still look at them when the test ends.
  const auto breaks = std::make_shared<std::atomic<int>>(0);
  const auto broken = std::make_shared<std::atomic<bool>>(false);
  server_->onBody([breaks, broken](Peer& peer, const BodyRequest& request) {
    if (broken->exchange(true)) return false;
    ++*breaks;
    const std::string answer = honestFetch(request);
    peer.send(answer.substr(0, answer.size() / 2));
    if (request.uid % 2 == 0) peer.send("\r\n* BYE going down\r\n");
    peer.close();
    return true;
  });
  for (size_t i = 0; i < kSizes.size(); ++i) {
    *broken = false;
    EXPECT_EQ(readError(i), 0) << i;
  }
  EXPECT_EQ(*breaks, static_cast<int>(kSizes.size()));
}

// A message that proves longer than announced and then a break: what came before the break must
// not pass for the whole message, neither meanwhile nor afterwards.
TEST_F(BrokenBody, ABreakBeyondTheAnnouncedEndLeavesNoCutMessage) {
  for (const uint64_t claimed : {uint64_t{100}, uint64_t{kChunk}, uint64_t{2 * kChunk}}) {
    SCOPED_TRACE(claimed);
    mailboxes_ = inbox({5 * kChunk});
    mailboxes_[0].messages[0].claimed = claimed;
    server_ = std::make_unique<ScriptImap>(mailboxes_);
    mount_ = std::make_unique<Mount>(server_->url(), "secret",
                                     std::vector<std::string>{"plaintext", "poll=10min"});
    paths_ = {*mount_ / ("INBOX/" + namesIn(*mount_ / "INBOX").at(0))};
    server_->onBody([claimed](Peer& peer, const BodyRequest& request) {
      if (request.part && request.part->offset < claimed) return false;
      peer.close();
      return true;
    });
    EXPECT_NE(readError(0), 0);
    EXPECT_NE(readError(0), 0);
    server_->onBody({});
    EXPECT_TRUE(becomesRight(0));
    mount_.reset();
  }
}

TEST_F(BrokenBody, SilenceEndsInATimeoutAndNothingElseWaits) {
  constexpr size_t kReaders = 64;
  constexpr size_t kSize = 2 * kChunk - 50;
  serve(std::vector<size_t>(kReaders + 1, kSize), {"timeout=2s", "connections=4"});
  const size_t cached = kReaders;
  ASSERT_EQ(readError(cached), 0);

  auto gate = std::make_shared<Gate>();
  std::atomic<int> silent{0};
  server_->onBody([gate, &silent](Peer& peer, const BodyRequest& request) {
    const std::string answer = honestFetch(request);
    peer.send(answer.substr(0, answer.size() / 2));
    ++silent;
    gate->wait();
    peer.close();
    return true;
  });
  std::vector<int> errors(kReaders, -1);
  std::vector<std::thread> readers;
  for (size_t i = 0; i < kReaders; ++i) readers.emplace_back([&, i] { errors[i] = readError(i); });
  EXPECT_TRUE(eventually([&] { return silent > 0; }));

  const auto before = Clock::now();
  EXPECT_EQ(readError(cached), 0);
  // Past the page cache, so that the daemon is asked.
  EXPECT_EQ(runOrThrow({"dd", "if=" + path(cached), "bs=128k", "iflag=direct", "status=none"}),
            body(cached));
  EXPECT_EQ(namesIn(*mount_ / "INBOX").size(), kReaders + 1);
  EXPECT_EQ(mount_->status()["messages"], kReaders + 1);
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(2));

  for (auto& reader : readers) reader.join();
  EXPECT_GT(std::count(errors.begin(), errors.end(), ETIMEDOUT), 0);
  for (const int error : errors) EXPECT_TRUE(error == ETIMEDOUT || error == ENETUNREACH) << error;

  server_->onBody({});
  gate->open();
  for (size_t i = 0; i < kReaders; ++i) EXPECT_TRUE(becomesRight(i)) << i;
}

}  // namespace
}  // namespace emlfs::test
