// What moves over the network, counted in bytes and commands: no body before somebody reads it, and
// none twice.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <thread>

#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/sample_mail.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kLarge = size_t{20} << 20;
constexpr uint64_t kSlack = 64 << 10;  // commands, answers and the refresh that runs by itself

class Lazy : public MountTest {
 protected:
  static std::unique_ptr<Proxy> before(const Dovecot& server) {
    return Proxy::start({server.host(), server.imapPort()});
  }
};

size_t count(const std::vector<std::string>& commands, std::string_view part) {
  return static_cast<size_t>(
      std::count_if(commands.begin(), commands.end(),
                    [&](const std::string& line) { return line.find(part) != line.npos; }));
}

TEST_F(Lazy, LookingAroundMovesNoBody) {
  const Dovecot server(kKeepBytes, sampleMail({"--messages", "400", "--largest", "3"}));
  const auto proxy = before(server);
  const Mount mount(server, *proxy, {"poll=10min"});
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"ls", "-lR", mount.path()},
                                             {"find", mount.path(), "-newermt", "2024-01-01"},
                                             {"find", mount.path(), "-size", "+100k"},
                                             {"stat", mount / "INBOX"},
                                             {"getfattr", "-d", "-R", mount.path()},
                                             {"du", "-s", mount.path()}}) {
    EXPECT_GT(runOrThrow(command).size(), 10U);
  }
  const auto commands = proxy->commands();
  EXPECT_EQ(mount.bodyBytes(), 0U);
  EXPECT_EQ(count(commands, "BODY.PEEK[]"), 0U);
  EXPECT_GT(count(commands, "UID FETCH"), 0U);
}

TEST_F(Lazy, ALargeMessageComesOnceAndAsFarAsItIsRead) {
  const Dovecot server(kKeepBytes);
  const std::string expected = makeMessage("large", kLarge, 5);
  server.deliver("Large", expected);
  const auto proxy = before(server);
  Mount mount(server, *proxy, {"poll=10min"});
  const auto names = namesIn(mount / "Large");
  ASSERT_EQ(names.size(), 1U);
  const std::string path = mount / ("Large/" + names[0]);

  proxy->resetStats();
  EXPECT_EQ(runOrThrow({"head", "-c", "100", path}), expected.substr(0, 100));
  EXPECT_LE(proxy->stats().to_client, 256U << 10);

  EXPECT_EQ(sha256(readFile(path)), sha256(expected));
  EXPECT_LE(proxy->stats().to_client, expected.size() * 102 / 100 + kSlack);
  const uint64_t body = mount.bodyBytes();
  EXPECT_GE(body, expected.size());
  EXPECT_LE(body, expected.size() + 1);  // one byte is asked for beyond the end

  EXPECT_EQ(sha256(readFile(path)), sha256(expected));
  EXPECT_EQ(mount.bodyBytes(), body);

  mount.remount();
  proxy->resetStats();
  EXPECT_EQ(sha256(readFile(path)), sha256(expected));
  EXPECT_EQ(mount.bodyBytes(), 0U);
  EXPECT_LE(proxy->stats().to_client, kSlack);
}

// Past the page cache, if it can be: then every reader's question reaches the daemon.
std::string readDirect(const std::string& path, size_t size) {
  constexpr size_t kAlignment = 4096;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (!file) return readFile(path);
  const size_t room = (size / kAlignment + 2) * kAlignment;
  const std::unique_ptr<char, decltype(&std::free)> buffer(
      static_cast<char*>(std::aligned_alloc(kAlignment, room)), &std::free);
  std::string bytes;
  for (ssize_t got = 0; (got = ::read(file.get(), buffer.get(), room)) > 0;)
    bytes.append(buffer.get(), static_cast<size_t>(got));
  return bytes;
}

TEST_F(Lazy, ConcurrentReadersShareOneFetch) {
  const Dovecot server(kKeepBytes);
  const std::string expected = makeMessage("shared", size_t{2} << 20, 6);
  server.deliver("INBOX", expected);
  const auto proxy = before(server);
  const Mount mount(server, *proxy, {"poll=10min"});
  const auto names = namesIn(mount / "INBOX");
  ASSERT_EQ(names.size(), 1U);
  const std::string path = mount / ("INBOX/" + names[0]);

  proxy->setRoundTrip(Milliseconds(40));  // so that they do meet
  std::atomic<int> right{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 32; ++i) {
    readers.emplace_back([&, i] {
      const auto bytes = i % 2 == 0 ? readFile(path) : readDirect(path, expected.size());
      if (bytes == expected) ++right;
    });
  }
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(right, 32);
  EXPECT_LE(mount.bodyBytes(), expected.size() + 1);
}

TEST_F(Lazy, APathIsFoundWithoutListingFirst) {
  const Dovecot server(kKeepBytes, sampleMail({"--messages", "400", "--largest", "0"}));
  const std::string directory = "Lists/lkml/patches";
  std::string name;
  std::string bytes;
  {
    const Mount other(server);
    name = namesIn(other / directory).at(3);
    bytes = readFile(other / directory + "/" + name);
  }
  const auto proxy = before(server);
  const Mount mount(server, *proxy, {"poll=10min"});
  const auto find = [&](const std::string& missing) {
    struct stat st{};
    return ::stat((mount / missing).c_str(), &st) == 0 ? 0 : errno;
  };

  // Tools look for these everywhere: that must not cost a listing.
  for (const char* missing : {".git", "desktop.ini", "Lists/dovecot/.git", "INBOX/.hidden",
                              "INBOX/desktop.ini", "Travel/tags"})
    EXPECT_EQ(find(missing), ENOENT) << missing;
  EXPECT_EQ(count(proxy->commands(), "EXAMINE"), 0U);

  EXPECT_EQ(readFile(mount / directory + "/" + name), bytes);

  EXPECT_EQ(find("Lists/notmuch/2020-01-01_Nobody_Nothing.4711.eml"), ENOENT);
  const auto commands = proxy->commands();
  const size_t listings =
      count(commands, "EXAMINE Lists/notmuch") + count(commands, "EXAMINE \"Lists/notmuch\"");
  EXPECT_GE(listings, 1U);
  EXPECT_LE(listings, 2U);  // two if the server's pushes begin to be heard meanwhile
  // Now it is known, and asked again it costs nothing.
  EXPECT_EQ(find("Lists/notmuch/2020-01-01_Nobody_Nothing.4712.eml"), ENOENT);
  EXPECT_EQ(count(proxy->commands(), "EXAMINE"), count(commands, "EXAMINE"));
}

TEST_F(Lazy, ARemountAsksOnlyWhatChanged) {
  const Dovecot server(kKeepBytes, sampleMail({"--messages", "400", "--largest", "0"}));
  const auto proxy = before(server);
  Mount mount(server, *proxy, {"poll=10min"});
  const std::string listing = runOrThrow({"ls", "-lR", mount.path()});
  mount.unmount();
  proxy->resetStats();
  mount.mount();
  EXPECT_EQ(runOrThrow({"ls", "-lR", mount.path()}), listing);
  const auto commands = proxy->commands();
  EXPECT_EQ(count(commands, "UID FETCH"), 0U);
  EXPECT_EQ(count(commands, "EXAMINE"), 0U);
  // How often it logs in, and sends a NOOP, depends on the moment; what it asks for doesn't:
  // namespaces, the quota, to be told of changes, and a list or two with the state of every
  // mailbox.
  const size_t of_the_moment =
      count(commands, "AUTHENTICATE") + count(commands, "ENABLE") + count(commands, "NOOP");
  EXPECT_LE(commands.size() - of_the_moment, 6U) << fmt::format("{}", commands);
}

// Names of a directory in small steps, as getdents gives them; `between` is called after each
// `each` of them.
std::vector<std::string> readInSteps(const std::string& directory, size_t each,
                                     const std::function<void()>& between) {
  const Fd file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file) throw std::runtime_error("open " + directory);
  struct Record {  // struct linux_dirent64
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    unsigned char type;
    char name[];
  };
  alignas(Record) std::array<char, 1024> buffer;
  std::vector<std::string> names;
  for (size_t next = each;;) {
    const long got = ::syscall(SYS_getdents64, file.get(), buffer.data(), buffer.size());
    if (got < 0) throw std::runtime_error("getdents64");
    if (got == 0) return names;
    for (long at = 0; at < got;) {
      const auto* record = reinterpret_cast<const Record*>(buffer.data() + at);
      names.emplace_back(record->name);
      at += record->length;
    }
    if (names.size() < next) continue;
    next += each;
    between();
  }
}

TEST_F(Lazy, AListingIsRightWhileMailComesAndGoes) {
  constexpr size_t kMessages = 3000;
  const Dovecot server(kKeepBytes, sampleMail({"--flat", std::to_string(kMessages)}));
  const Mount mount(server, {"poll=1s"});
  const std::string directory = mount / "Big";
  const auto before_names = namesIn(directory);
  ASSERT_EQ(before_names.size(), kMessages);

  const auto known = [&] { return mount.status()["messages"].get<size_t>(); };
  size_t expected = kMessages;
  uint64_t delivered = 0;
  size_t gone = 0;
  const auto names = readInSteps(directory, 600, [&] {
    server.deliver("Big", makeMessage("new", 500, ++delivered));
    // One that was read already, and one that wasn't.
    gone += 100;
    server.doveadm(
        {"expunge", "mailbox", "Big", "uid", fmt::format("{},{}", gone, kMessages - gone)});
    expected -= 1;
    ASSERT_TRUE(eventually([&] { return known() == expected; })) << known();
  });
  ASSERT_GE(delivered, 4U);

  const std::set<std::string> unique(names.begin(), names.end());
  EXPECT_EQ(unique.size(), names.size()) << "a name came twice";
  const auto after_names = namesIn(directory);
  EXPECT_EQ(after_names.size(), expected);
  // What was there from the beginning to the end has to be among them.
  std::vector<std::string> stayed;
  std::set_intersection(before_names.begin(), before_names.end(), after_names.begin(),
                        after_names.end(), std::back_inserter(stayed));
  EXPECT_EQ(stayed.size(), kMessages - 2 * delivered);
  for (const auto& name : stayed) EXPECT_EQ(unique.count(name), 1U) << name << " was left out";
}

}  // namespace
}  // namespace emlfs::test
