// A first listing or a read that is interrupted: what is there already isn't asked for again, and
// no reader ever gets wrong bytes.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <thread>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/mail/ids.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kMessages = 6000;

std::string flatMail() {
  return sampleMail({"--flat", std::to_string(kMessages)});
}

// The first UIDs of the FETCHes of metadata.
std::vector<Uid> metadataFrom(const std::vector<std::string>& commands) {
  static const std::regex expression("UID FETCH ([0-9]+):[0-9]+ .*INTERNALDATE");
  std::vector<Uid> firsts;
  for (const auto& line : commands) {
    std::smatch match;
    if (std::regex_search(line, match, expression))
      firsts.push_back(static_cast<Uid>(std::stoul(match[1])));
  }
  return firsts;
}

class Resume : public MountTest {};

TEST_F(Resume, AListingThatIsCutGoesOn) {
  const Dovecot server({}, flatMail());
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min", "connections=1"});
  // Three steps, of which each takes several hundred kB: this is in the second.
  proxy->cutAfter(Direction::to_client, 1'000'000);
  run({"ls", mount / "Big"});  // an error, or it was repeated by itself
  ASSERT_EQ(proxy->stats().cuts, 1U);
  EXPECT_EQ(namesIn(mount / "Big").size(), kMessages);
  EXPECT_EQ(mount.status()["messages"], kMessages);
  // The first step was on disk when the second was cut. The third may have been on its way by then.
  const auto asked = metadataFrom(proxy->commands());
  EXPECT_GE(asked.size(), 4U);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), 1U), 1);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), 2001U), 2) << testing::PrintToString(asked);
  const auto cut = std::is_sorted_until(asked.begin(), asked.end());
  EXPECT_TRUE(std::is_sorted(cut, asked.end())) << testing::PrintToString(asked);
  EXPECT_TRUE(cut == asked.end() || *cut == 2001U) << testing::PrintToString(asked);
}

TEST_F(Resume, AListingGoesOnAfterAKill) {
  const Dovecot server({}, flatMail());
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  Mount mount(server, *proxy, {"poll=10min"});
  const auto known = [&] { return mount.status()["messages"].get<size_t>(); };
  std::thread reader([&] { run({"ls", mount / "Big"}); });
  // Held up as soon as a part of it is on disk.
  proxy->setRate(500'000);
  EXPECT_TRUE(eventually([&] { return known() > 0; }, std::chrono::seconds(60)));
  proxy->stall();
  const size_t listed = known();
  mount.kill();
  reader.join();
  ASSERT_LT(listed, kMessages);

  proxy->setRate(0);
  proxy->resume();
  proxy->resetStats();
  mount.mount();
  EXPECT_EQ(namesIn(mount / "Big").size(), kMessages);
  EXPECT_EQ(mount.status()["messages"], kMessages);
  const auto asked = metadataFrom(proxy->commands());
  ASSERT_FALSE(asked.empty());
  for (const Uid first : asked) EXPECT_GT(first, listed);
}

// True if it is an error; fails the test if it is anything but that or the right bytes.
bool failsOrIsRight(const std::string& path, const std::string& expected) {
  try {
    EXPECT_TRUE(readFile(path) == expected) << path;
    return false;
  } catch (const Error&) {
    return true;
  }
}

TEST_F(Resume, ABodyThatIsCutIsRightOrAnError) {
  constexpr size_t kBodies = 8;
  const Dovecot server(kKeepBytes);
  std::vector<std::string> bodies;
  // A mailbox each: nobody goes through them, so nothing is read ahead.
  for (size_t i = 0; i < kBodies; ++i) {
    bodies.push_back(makeMessage("cut", size_t{1} << 20, 30 + i));
    server.createMailbox(fmt::format("Cut{}", i));
    server.deliver(fmt::format("Cut{}", i), bodies.back());
  }
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min", "connections=2"});
  std::vector<std::string> paths;
  for (size_t i = 0; i < kBodies; ++i) {
    const auto directory = mount / fmt::format("Cut{}", i);
    const auto names = namesIn(directory);
    ASSERT_EQ(names.size(), 1U);
    paths.push_back(directory + "/" + names[0]);
  }
  for (size_t i = 0; i < kBodies; ++i) {
    const uint64_t cuts = proxy->stats().cuts;
    // In the first answer, at its very end, and in later ones.
    proxy->cutAfter(Direction::to_client, 1 + i * 137'777);
    failsOrIsRight(paths[i], bodies[i]);
    EXPECT_EQ(proxy->stats().cuts, cuts + 1);
  }
  for (size_t i = 0; i < kBodies; ++i)
    EXPECT_TRUE(eventually([&] { return !failsOrIsRight(paths[i], bodies[i]); })) << paths[i];
}

TEST_F(Resume, WithoutTheServerReadsFailAndThenWorkAgain) {
  const Dovecot server(kKeepBytes);
  const std::string cached = makeMessage("cached", 50'000, 50);
  const std::string missing = makeMessage("missing", 50'000, 51);
  server.deliver("INBOX", cached);
  server.deliver("INBOX", missing);
  const auto proxy = Proxy::start({server.host(), server.imapPort()});
  const Mount mount(server, *proxy, {"poll=10min"});
  const auto names = namesIn(mount / "INBOX");
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(readFile(mount / "INBOX/" + names[0]), cached);

  proxy->refuse();
  proxy->cutNow();
  EXPECT_EQ(readFile(mount / "INBOX/" + names[0]), cached);
  EXPECT_TRUE(failsOrIsRight(mount / "INBOX/" + names[1], missing));
  EXPECT_EQ(namesIn(mount / "INBOX"), names);

  proxy->resume();
  EXPECT_TRUE(eventually([&] { return !failsOrIsRight(mount / "INBOX/" + names[1], missing); }));
}

}  // namespace
}  // namespace emlfs::test
