// A server that stands still: whoever reads what is here goes on, whoever waits can be ended, and
// the mount can be taken away.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>

#include "emlfs/base/error.h"
#include "support/eventually.h"
#include "support/gate.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/proof_mail.h"
#include "support/running.h"
#include "support/script_imap.h"
#include "support/soak.h"
#include "support/tree.h"
#include "support/witness.h"

namespace emlfs::test {
namespace {

using std::chrono::seconds;

constexpr size_t kReaders = 64;
constexpr size_t kBody = 200'000;
// Longer than a test takes: what ends a wait here is never the timeout.
const std::string kTimeout = "timeout=50s";

Milliseconds timed(const std::function<void()>& action) {
  const auto began = Clock::now();
  action();
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
}

// Its time is promised: the bound is for a machine that does much else.
void expectWithin(Milliseconds limit, const std::string& what,
                  const std::function<void()>& action) {
  const Milliseconds took = timed(action);
  fmt::print("while the server stands still: {}: {} ms\n", what, took.count());
  EXPECT_LE(took, limit) << what;
}

ScriptMailbox scriptMailbox(const std::string& wire, size_t messages, size_t size, uint64_t seed) {
  ScriptMailbox mailbox{wire, {}};
  for (size_t i = 1; i <= messages; ++i)
    mailbox.messages.push_back({static_cast<Uid>(i), proofMessage({seed + i, size}), {}});
  return mailbox;
}

class Stuck : public MountTest {
 protected:
  void TearDown() override {
    gate_->open();
    if (script_) script_->onBody({});
    if (proxy_) proxy_->resume();
    joinReaders();
    mount_.reset();
    const Figures figures = witness_.figures();
    EXPECT_EQ(figures.wrong, 0U);
    for (const auto& complaint : figures.complaints) ADD_FAILURE() << complaint;
  }

  // "Full" has kReaders messages that nobody has read, "Cached" three that somebody has, "New"
  // three that nobody has looked for.
  void mountScript() {
    script_ = std::make_unique<ScriptImap>(std::vector{
        scriptMailbox("INBOX", 0, 0, 0), scriptMailbox("Full", kReaders, kBody, 1'000),
        scriptMailbox("Cached", 3, 20'000, 2'000), scriptMailbox("New", 3, 500, 3'000)});
    mount_ = std::make_unique<Mount>(
        script_->url(), "secret", std::vector<std::string>{"plaintext", "connections=4", kTimeout});
    look();
  }

  void mountDovecot() {
    dovecot_ = std::make_unique<Dovecot>(kKeepBytes);
    ImapClient client(*dovecot_);
    uint64_t seed = chosenSeed();
    const auto fill = [&](const std::string& mailbox, size_t messages, size_t size) {
      client.command("CREATE " + mailbox);
      for (size_t i = 0; i < messages; ++i)
        client.append(mailbox, "", proofMessage({++seed, size}));
    };
    fill("Full", kReaders, kBody);
    fill("Cached", 3, 20'000);
    fill("New", 3, 500);
    proxy_ = Proxy::start({dovecot_->host(), dovecot_->imapPort()});
    mount_ = std::make_unique<Mount>(*dovecot_, *proxy_,
                                     std::vector<std::string>{"connections=4", kTimeout});
    look();
  }

  void look() {
    names_ = namesIn(*mount_ / "Full");
    ASSERT_EQ(names_.size(), kReaders);
    EXPECT_TRUE(witness_.readAll(*mount_ / "Cached").empty());
  }

  std::string full(size_t index) const { return *mount_ / "Full/" + names_.at(index); }

  void startReaders() {
    errors_.assign(kReaders, -1);
    for (size_t i = 0; i < kReaders; ++i)
      readers_.emplace_back([this, i] { errors_[i] = witness_.read(full(i)); });
  }
  void joinReaders() { readers_.clear(); }

  void localThingsWork() {
    const Milliseconds limit = schedulingMargin();
    expectWithin(limit, "reading what is cached",
                 [&] { EXPECT_TRUE(witness_.readAll(*mount_ / "Cached").empty()); });
    expectWithin(limit, "the same past the page cache", [&] {
      for (const auto& name : namesIn(*mount_ / "Cached"))
        EXPECT_EQ(witness_.read(*mount_ / "Cached/" + name, Witness::Through::direct), 0);
    });
    expectWithin(limit, "ls -l of what is listed",
                 [&] { EXPECT_EQ(run({"ls", "-l", *mount_ / "Full", mount_->path()}).status, 0); });
    expectWithin(limit, "df", [&] { EXPECT_EQ(run({"df", mount_->path()}).status, 0); });
    expectWithin(limit, "emlfs status",
                 [&] { EXPECT_EQ(run({kProgram, "status", mount_->path()}).status, 0); });
  }

  // Each time a new program, at a body that nobody else reads, as long as there are any.
  std::vector<Milliseconds> ends(std::vector<std::string> command, int number, size_t first,
                                 size_t times) {
    std::vector<Milliseconds> all;
    command.emplace_back();
    for (size_t i = 0; i < times; ++i) {
      command.back() = full(first + i);
      Running program(command);
      EXPECT_TRUE(eventually([&] { return sleepsUninterruptibly(program.pid()); }));
      all.push_back(timed([&] {
        program.signal(number);
        EXPECT_TRUE(program.wait(seconds(10))) << command[0] << " survives signal " << number;
      }));
    }
    std::sort(all.begin(), all.end());
    fmt::print("{} ends {} after {} ms (median), {} ms (worst) of {}\n", ::strsignal(number),
               command[0], all[all.size() / 2].count(), all.back().count(), all.size());
    return all;
  }

  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::unique_ptr<Dovecot> dovecot_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<ScriptImap> script_;
  std::unique_ptr<Mount> mount_;
  Witness witness_{std::chrono::seconds(60)};
  std::vector<std::string> names_;
  std::vector<std::jthread> readers_;
  std::vector<int> errors_;
};

// Only those connections stand still that fetch a body, each in the middle of it.
TEST_F(Stuck, ReadersThatWaitBlockNothingElse) {
  mountScript();
  const auto silent = std::make_shared<std::atomic<int>>(0);
  script_->onBody([gate = gate_, silent](Peer& peer, const BodyRequest& request) {
    if (request.mailbox != "Full") return false;
    const std::string answer = honestFetch(request);
    peer.send(answer.substr(0, answer.size() / 2));
    ++*silent;
    gate->wait();
    peer.send(answer.substr(answer.size() / 2) + request.tag + " OK done\r\n");
    return true;
  });
  startReaders();
  EXPECT_TRUE(eventually([&] { return *silent > 0; }));
  localThingsWork();
  expectWithin(schedulingMargin(), "the first look at a mailbox", [&] {
    std::vector<std::string> names;
    EXPECT_EQ(witness_.list(*mount_ / "New", names), 0);
    EXPECT_EQ(names.size(), 3U);
  });
  fmt::print("{} connections stood still\n", silent->load());
  gate_->open();
  joinReaders();
  EXPECT_EQ(std::count(errors_.begin(), errors_.end(), 0), kReaders);
}

// Nothing comes at all, on any connection.
TEST_F(Stuck, AServerThatStandsStillBlocksNothingThatIsHere) {
  mountDovecot();
  proxy_->stallAfter(Direction::to_client, kBody / 2);
  startReaders();
  EXPECT_TRUE(proxy_->waitFor([](const auto& stats) { return stats.stalls > 0; }));
  localThingsWork();
  proxy_->resume();
  joinReaders();
  EXPECT_EQ(std::count(errors_.begin(), errors_.end(), 0), kReaders);
}

TEST_F(Stuck, SignalsEndWhoeverWaits) {
  constexpr size_t kTimes = 7;
  mountDovecot();
  proxy_->stall();
  // Two who read what the programs below read as well.
  int error = -1;
  std::jthread patient([&] { error = witness_.read(full(0)); });
  const auto promised = Milliseconds(schedulingMargin());
  // A program with handlers of its own, which nothing but SIGKILL ends before the answer comes.
  const std::vector<std::string> stubborn{
      "python3", "-c",
      "import signal, sys\nfor s in (2, 15): signal.signal(s, lambda *_: None)\n"
      "open(sys.argv[1], 'rb').read()"};
  for (const auto& [command, number] :
       std::vector<std::pair<std::vector<std::string>, int>>{{{"cat"}, SIGINT},
                                                             {{"cat"}, SIGTERM},
                                                             {{"grep", "-r", "none"}, SIGINT},
                                                             {{"grep", "-r", "none"}, SIGTERM},
                                                             {{"cat"}, SIGKILL},
                                                             {stubborn, SIGKILL}})
    EXPECT_LE(ends(command, number, 0, kTimes).back(), promised);

  // The first look at a mailbox waits as well, but not in a page.
  Running looks({"ls", *mount_ / "New"});
  EXPECT_FALSE(looks.wait(Milliseconds(300)));
  looks.signal(SIGINT);
  EXPECT_TRUE(looks.wait(promised));

  // So does a read past the page cache.
  for (const int number : {SIGINT, SIGKILL}) {
    Running reads({"dd", "iflag=direct", "bs=64k", "of=/dev/null", "if=" + full(0)});
    EXPECT_FALSE(reads.wait(Milliseconds(300)));
    reads.signal(number);
    EXPECT_TRUE(reads.wait(promised)) << number;
  }

  proxy_->resume();
  patient.join();
  EXPECT_EQ(error, 0) << "who waited on was let down";
  for (size_t i = 0; i < kTimes; ++i) EXPECT_EQ(witness_.read(full(i)), 0);
  EXPECT_TRUE(witness_.readAll(*mount_ / "New").empty());
}

TEST_F(Stuck, UnmountingWhileTheServerStandsStill) {
  mountDovecot();
  proxy_->stall();
  {
    // What he asked for is still asked for when he has gone.
    Running reader({"cat", full(0)});
    EXPECT_TRUE(eventually([&] { return sleepsUninterruptibly(reader.pid()); }));
  }
  // A sanitizer looks at the whole program at its end.
  expectWithin(schedulingMargin() * 5, "umount", [&] { mount_->unmount(); });
  proxy_->resume();
  mount_->mount();
  EXPECT_EQ(witness_.read(full(0)), 0);
}

TEST_F(Stuck, EndingTheDaemonWhileTheServerStandsStill) {
  mountDovecot();
  proxy_->stall();
  const pid_t pid = mount_->status()["pid"];
  const Fd daemon(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  startReaders();
  Running reader({"cat", full(0)});
  EXPECT_TRUE(eventually([&] { return sleepsUninterruptibly(reader.pid()); }));
  expectWithin(schedulingMargin() * 5, "SIGTERM to the daemon", [&] {
    ASSERT_EQ(::kill(pid, SIGTERM), 0);
    pollfd waiting{daemon.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 30'000), 1) << "the daemon does not end";
  });
  joinReaders();
  for (const int error : errors_) EXPECT_NE(error, 0);
  proxy_->resume();
  mount_->mount();
  EXPECT_EQ(witness_.read(full(0)), 0);
}

TEST_F(Stuck, ReplacedMailboxGivesNoOtherBytes) {
  constexpr size_t kLarge = 900'000;
  const uint64_t seed = chosenSeed();
  script_ = std::make_unique<ScriptImap>(std::vector{scriptMailbox("INBOX", 2, kLarge, seed)});
  mount_ = std::make_unique<Mount>(
      script_->url(), "secret",
      std::vector<std::string>{"plaintext", "connections=3", "poll=1s", kTimeout});
  const auto names = namesIn(*mount_ / "INBOX");
  ASSERT_EQ(names.size(), 2U);
  const Fd file(::open((*mount_ / "INBOX/" + names[0]).c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(witness_.readAt(file.get(), names[0], 0, 5'000), 0);

  // The same UIDs, other messages. Who is connected is thrown out, so that he notices now.
  script_->become({scriptMailbox("INBOX", 2, kLarge, seed + 500)}, 8);
  script_->onBody([script = script_.get()](Peer&, const BodyRequest&) -> bool {
    script->onBody({});
    throw std::runtime_error("thrown out");
  });
  // Until then, bytes of the old one are right.
  EXPECT_TRUE(eventually([&] {
    return witness_.readAt(file.get(), names[0], 700'000, 50'000) == ESTALE;
  })) << "the file that was open is not stale";
  EXPECT_TRUE(eventually([&] {
    const auto now = namesIn(*mount_ / "INBOX");
    return now.size() == 2 && now != names && witness_.readAll(*mount_ / "INBOX").empty();
  }));
  EXPECT_EQ(witness_.readAt(file.get(), names[0], 800'000, 50'000), ESTALE);
}

// The mailbox goes while a body comes from it.
TEST_F(Stuck, MailboxThatIsDeletedWhileItIsRead) {
  mountDovecot();
  for (const char* how : {"delete", "rename"}) {
    SCOPED_TRACE(how);
    const std::string mailbox = fmt::format("To-{}", how);
    dovecot_->deliver(mailbox, proofMessage({chosenSeed(), 3'000'000}));
    ASSERT_TRUE(eventually([&] {
      std::vector<std::string> names;
      return witness_.list(*mount_ / mailbox, names) == 0 && names.size() == 1;
    }));
    const std::string path = *mount_ / mailbox + "/" + namesIn(*mount_ / mailbox).at(0);
    proxy_->setRate(1'000'000);
    proxy_->resetStats();
    int error = -1;
    std::jthread reader([&] { error = witness_.read(path); });
    EXPECT_TRUE(proxy_->waitFor([](const auto& stats) { return stats.to_client > 300'000; }));
    if (std::string(how) == "delete")
      dovecot_->doveadm({"mailbox", "delete", mailbox});
    else
      dovecot_->doveadm({"mailbox", "rename", mailbox, mailbox + "-elsewhere"});
    proxy_->setRate(0);
    reader.join();
    // All of it may have been on its way.
    EXPECT_TRUE(error == 0 || error == ESTALE || error == ENOENT || error == ENETUNREACH)
        << errorText(error);
    struct stat unused{};
    EXPECT_TRUE(eventually([&] {
      std::vector<std::string> names;
      return witness_.list(mount_->path(), names) == 0 &&
             std::find(names.begin(), names.end(), mailbox) == names.end();
    }));
    EXPECT_EQ(witness_.stat(path, unused), ENOENT);
    if (std::string(how) == "rename") {
      EXPECT_TRUE(
          eventually([&] { return witness_.readAll(*mount_ / (mailbox + "-elsewhere")).empty(); }));
    }
  }
  EXPECT_EQ(witness_.read(full(3)), 0);
}

TEST_F(Stuck, ServerThatIsRestartedWhileItIsRead) {
  mountDovecot();
  startReaders();
  EXPECT_TRUE(proxy_->waitFor([](const auto& stats) { return stats.to_client > 1'000'000; }));
  dovecot_->restart();
  joinReaders();
  for (const int error : errors_)
    EXPECT_TRUE(error == 0 || error == ENETUNREACH) << errorText(error);
  EXPECT_TRUE(eventually([&] { return witness_.readAll(*mount_ / "Full").empty(); }));
}

}  // namespace
}  // namespace emlfs::test
