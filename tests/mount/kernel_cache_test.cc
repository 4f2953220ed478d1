// While nothing changes the kernel answers for us; after a change it asks for what changed. Counted
// in requests, which have no noise.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/pinned_pages.h"
#include "support/process.h"
#include "support/proof_mail.h"
#include "support/soak.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr size_t kMailboxes = 20;
constexpr size_t kMessages = 30;

using Requests = std::map<std::string, uint64_t>;

class KernelCache : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    std::mt19937_64 random(chosenSeed());
    for (size_t i = 0; i < kMailboxes; ++i) {
      client_.command(fmt::format("CREATE {}", mailbox(i)));
      for (size_t j = 0; j < kMessages; ++j)
        client_.append(mailbox(i), "", proofMessage({random(), 300 + random() % 6'000}));
    }
    mount_ = std::make_unique<Mount>(server_);
    pages_.pin(mount_->path());
    // Twice, since the second time of some of them still learns what the first one hasn't asked.
    for (int i = 0; i < 2; ++i) walk();
    directories_ = namesIn(mount_->path()).size() + 1;
  }

  static std::string mailbox(size_t i) { return fmt::format("M{:02}", i); }

  Requests requests() const { return mount_->status().at("requests").get<Requests>(); }

  void walk() {
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"grep", "-r", "no such text", mount_->path()},
             {"find", mount_->path(), "-type", "f", "-size", "+1k"},
             {"ls", "-lR", mount_->path()}})
      run(command);
  }

  // What was asked since then, without the question itself.
  Requests since(const Requests& before) const {
    Requests asked;
    for (const auto& [name, count] : requests()) {
      const auto old = before.find(name);
      const uint64_t more = count - (old == before.end() ? 0 : old->second);
      if (more > 0) asked[name] = more;
    }
    return asked;
  }

  static uint64_t of(const Requests& asked, const std::string& operation) {
    const auto at = asked.find(operation);
    return at == asked.end() ? 0 : at->second;
  }

  const Dovecot server_{kKeepBytes};
  ImapClient client_{server_};
  std::unique_ptr<Mount> mount_;
  PinnedPages pages_;
  size_t directories_ = 0;
};

TEST_F(KernelCache, NothingIsAskedTwice) {
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"grep", "-r", "no such text", mount_->path()},
                                             {"find", mount_->path(), "-type", "f", "-size", "+1k"},
                                             {"ls", "-lR", mount_->path()}}) {
    const Requests before = requests();
    run(command);
    const Requests asked = since(before);
    fmt::print("a second {}: {}\n", command[0], testing::PrintToString(asked));
    EXPECT_LE(of(asked, "getattr"), directories_) << command[0];
    for (const auto& [name, count] : asked) {
      if (name == "getattr" || name == "statfs") continue;
      // `status` itself, twice at most, and what a tool asks once of a whole file system.
      EXPECT_LE(count, name.find("xattr") == name.npos ? 0U : 6U) << command[0] << ": " << name;
    }
  }
}

TEST_F(KernelCache, AfterAChangeOnlyWhatChangedIsAsked) {
  const auto changed = [&](const char* what, const std::function<bool()>& seen) {
    const Requests before = requests();
    EXPECT_TRUE(eventually(seen)) << what;
    walk();
    const Requests asked = since(before);
    fmt::print("after {}: {}\n", what, testing::PrintToString(asked));
    return asked;
  };
  const std::string directory = *mount_ / mailbox(3);
  const auto names = namesIn(directory);
  ASSERT_EQ(names.size(), kMessages);
  // One directory is listed again, in a few steps, and at worst once in between.
  constexpr uint64_t kListings = 10;

  client_.append(mailbox(3), "", proofMessage({chosenSeed(), 1'000}));
  Requests asked = changed("new mail", [&] { return namesIn(directory).size() == kMessages + 1; });
  EXPECT_LE(of(asked, "readdir"), kListings);
  EXPECT_LE(of(asked, "read"), 2U);
  EXPECT_LE(of(asked, "lookup"), 2U);
  pages_.pin(directory);

  client_.expectOk("SELECT " + mailbox(3));
  client_.expectOk("UID STORE 1:10 +FLAGS.SILENT (\\Flagged)");
  const auto first = std::find_if(names.begin(), names.end(),
                                  [](const std::string& name) { return name.ends_with(".1.eml"); });
  ASSERT_NE(first, names.end());
  const auto flagged = [&] {
    return run({"getfattr", "-n", "user.imap.flags", directory + "/" + *first})
               .output.find("Flagged") != std::string::npos;
  };
  asked = changed("flags", flagged);
  EXPECT_LE(of(asked, "read"), 0U);
  EXPECT_LE(of(asked, "lookup"), 0U);

  client_.expectOk("UID STORE 5 +FLAGS.SILENT (\\Deleted)");
  client_.expectOk("UID EXPUNGE 5");
  asked = changed("an expunge", [&] { return namesIn(directory).size() == kMessages; });
  EXPECT_LE(of(asked, "readdir"), kListings);
  EXPECT_LE(of(asked, "read"), 0U);
  EXPECT_LE(of(asked, "lookup"), 1U);
}

}  // namespace
}  // namespace emlfs::test
