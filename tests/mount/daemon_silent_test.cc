// A daemon ends while its server is silent and somebody waits.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "mount/daemon.h"
#include "support/eventually.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

// A server that has gone silent, with somebody waiting for a body.
class Silent {
 public:
  explicit Silent(const std::string& how) : how_(how) {
    server_.deliver("INBOX", makeMessage("silent", 500'000, 9));
    proxy_ = Proxy::start({server_.host(), server_.imapPort()});
    mount_ = std::make_unique<Mount>(server_, *proxy_, std::vector<std::string>{"poll=1s"});
    const std::string path = *mount_ / ("INBOX/" + namesIn(*mount_ / "INBOX").at(0));
    proxy_->stall();
    reader_ = std::thread([this, path] {
      const auto result = run({"cat", path});
      failed_ = result.status != 0;
    });
    EXPECT_TRUE(eventually([&] {
      const auto status = mount_->status();
      const auto& all = status["connections"];
      return std::any_of(all.begin(), all.end(),
                         [](const auto& one) { return one["doing"] == "reading INBOX"; });
    })) << how_;
  }
  ~Silent() {
    proxy_->resume();
    reader_.join();
    EXPECT_TRUE(failed_);
  }
  Mount& mount() { return *mount_; }

 private:
  const std::string how_;
  const Dovecot server_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Mount> mount_;
  std::thread reader_;
  std::atomic<bool> failed_{false};
};

TEST_F(Daemon, EndsOnSigtermWhileTheServerIsSilent) {
  Silent silent("SIGTERM");
  const Fd process = processOf(daemonOf(silent.mount()));
  ASSERT_EQ(::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0), 0);
  EXPECT_TRUE(endsWithin(process, kSoon));
  EXPECT_EQ(mountLine(silent.mount().path()), "");
  silent.mount().kill();  // it has ended; this only tells the object so
}

TEST_F(Daemon, CanBeUnmountedWhileTheServerIsSilent) {
  const Dovecot own;
  const auto proxy = Proxy::start({own.host(), own.imapPort()});
  Mount mount(own, *proxy, {"poll=1s"});
  proxy->stall();
  // Its refresh is waiting for an answer by then.
  ASSERT_TRUE(eventually([&] {
    const auto status = mount.status();
    const auto& all = status["connections"];
    return std::any_of(all.begin(), all.end(),
                       [](const auto& one) { return one["working"].template get<bool>(); });
  }));
  const auto before = Clock::now();
  mount.unmount();
  EXPECT_LT(Clock::now() - before, kSoon);
}

}  // namespace
}  // namespace emlfs::test
