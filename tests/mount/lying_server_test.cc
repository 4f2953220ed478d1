// Servers that lie about sizes: whoever reads gets the exact bytes, or an error and then the bytes.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "emlfs/store/cache.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/script_imap.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kChunk = store::kChunkBytes;

std::string messageOf(size_t size, uint64_t seed) {
  std::string body = makeMessage(fmt::format("lie {}", seed), size, seed);
  body.resize(size);
  return body;
}

struct Lie {
  std::string what;
  size_t real;
  uint64_t claimed;
};

std::vector<Lie> lies() {
  std::vector<Lie> all{{"0 for a body", 3000, 0},
                       {"0 for a large body", 5 * kChunk + 7, 0},
                       {"1 for a large body", 3 * kChunk, 1},
                       {"100 MB too much", 1000, 100'001'000}};
  for (const size_t chunks : {1U, 2U, 5U}) {
    for (const int beside : {-1, 0, 1}) {
      const size_t real = chunks * kChunk + static_cast<size_t>(beside + 1) - 1;
      const auto add = [&](const char* what, uint64_t claimed) {
        all.push_back(
            {fmt::format("{} chunks {:+} bytes, {}", chunks, beside, what), real, claimed});
      };
      add("1 byte less", real - 1);
      add("1 byte more", real + 1);
      add("a page less", real - 4096);
      add("a page more", real + 4096);
      add("half", real / 2);
      add("double", real * 2);
      add("up to a chunk's end", real / kChunk * kChunk);
      add("up to the next chunk's end", (real / kChunk + 1) * kChunk);
    }
  }
  return all;
}

// How a program reads, and what it then must have got of `body`.
struct Tool {
  const char* name;
  std::string (*expected)(const std::string& body);
  // Throws Error or std::runtime_error if the program fails.
  std::string (*read)(const std::string& path);
};

std::string whole(const std::string& body) {
  return body;
}
std::string lastTen(const std::string& body) {
  return body.substr(body.size() - 10);
}

// Reads as many bytes as stat says, in one go, and takes fewer for an error.
std::string trustStat(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) throw systemError("stat", errno);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw systemError("open", errno);
  std::string bytes(static_cast<size_t>(st.st_size), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0) throw systemError("read", errno);
    if (got == 0) throw Error(Code::system, Scope::message, "fewer bytes than stat had said");
    have += static_cast<size_t>(got);
  }
  return bytes;
}

std::string copied(const std::string& path) {
  const ScratchDir scratch;
  runOrThrow({"cp", path, scratch / "copy"});
  return readFile(scratch / "copy");
}

const Tool kTools[] = {
    {"cat", whole, [](const std::string& path) { return runOrThrow({"cat", path}); }},
    {"cp", whole, copied},
    {"tail", lastTen,
     [](const std::string& path) { return runOrThrow({"tail", "-c", "10", path}); }},
    {"stat and read", whole, trustStat},
    {"dd direct", whole,
     [](const std::string& path) {
       return runOrThrow({"dd", "if=" + path, "bs=128k", "iflag=direct", "status=none"});
     }},
};

std::vector<ScriptMailbox> inbox(std::vector<ScriptMessage> messages) {
  return {{"INBOX", std::move(messages)}};
}

// The file of that UID in INBOX.
std::string pathOf(const Mount& mount, Uid uid) {
  for (const auto& name : namesIn(mount / "INBOX"))
    if (name.ends_with(fmt::format(".{}.eml", uid))) return mount / ("INBOX/" + name);
  throw std::runtime_error(fmt::format("no file of UID {}", uid));
}

class LyingServer : public MountTest {};

TEST_F(LyingServer, AboutSizesIsSeenThrough) {
  const auto all = lies();
  for (const Tool& tool : kTools) {
    std::vector<ScriptMessage> messages;
    for (const Lie& lie : all) {
      const auto uid = static_cast<Uid>(messages.size() + 1);
      messages.push_back({uid, messageOf(lie.real, uid), lie.claimed});
    }
    const ScriptImap server(inbox(messages));
    const Mount mount(server.url(), "secret", {"plaintext", "poll=10min"});
    for (size_t i = 0; i < all.size(); ++i) {
      SCOPED_TRACE(fmt::format("{}, {}", tool.name, all[i].what));
      const std::string path = pathOf(mount, messages[i].uid);
      const std::string expected = tool.expected(messages[i].body);
      // Once more for each after an error: there may be one.
      for (int attempt = 0;; ++attempt) {
        try {
          const std::string got = tool.read(path);
          ASSERT_EQ(got.size(), expected.size());
          ASSERT_TRUE(got == expected);
          break;
        } catch (const std::exception& failure) {
          ASSERT_EQ(attempt, 0) << failure.what();
        }
      }
      struct stat st{};
      ASSERT_EQ(::stat(path.c_str(), &st), 0);
      EXPECT_EQ(static_cast<size_t>(st.st_size), all[i].real);
      EXPECT_TRUE(readFile(path) == messages[i].body);
    }
  }
}

}  // namespace
}  // namespace emlfs::test
