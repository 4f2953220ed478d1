// Who goes through the whole tree gets every byte, over few round trips and with compression too.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/mount.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

class ReadAhead : public MountTest {
 protected:
  const Dovecot server_{kKeepBytes, sampleMail({"--messages", "400", "--largest", "3"})};
};

size_t count(const std::vector<std::string>& commands, std::string_view part) {
  return static_cast<size_t>(std::ranges::count_if(
      commands, [&](const std::string& line) { return line.find(part) != line.npos; }));
}

TEST_F(ReadAhead, AWalkThroughTheTreeTakesFewCommands) {
  // In the order in which it is listed, and by name.
  for (const char* walk :
       {"grep -rc no-such-words $0 | wc -l", "rsync -a $0/ $1 && find $1 -type f | wc -l"}) {
    SCOPED_TRACE(walk);
    const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
    const Mount mount(server_, *proxy, {"poll=10min"});
    const auto said = runOrThrow({"bash", "-c", walk, mount.path(), mount.directory() + "/copy"});
    EXPECT_GT(std::stoul(said), 350U);
    EXPECT_GT(mount.bodyBytes(), 0U);
    EXPECT_LT(count(proxy->commands(), "BODY.PEEK[]"), 200U);
  }
}

TEST_F(ReadAhead, EveryByteIsAsDeliveredWithCompression) {
  const auto proxy = Proxy::start({server_.host(), server_.imapPort()});
  proxy->setRoundTrip(Milliseconds{20});
  const Mount mount(fmt::format("imap://{}@127.0.0.1:{}", server_.user(), proxy->port()),
                    server_.password(), {"plaintext", "poll=10min"});
  const Tree there = readTree(mount.path());
  const Mount near(server_);
  EXPECT_EQ(difference(readTree(near.path()), there), "");
  const auto traffic = mount.status()["traffic"];
  EXPECT_LT(traffic["bytes_in"].get<uint64_t>(), traffic["body_bytes"].get<uint64_t>())
      << "nothing was compressed";
}

}  // namespace
}  // namespace emlfs::test
