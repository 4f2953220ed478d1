// Every command and every configuration of docs/ works as it stands there, with the sample mail as
// the account "work", or says why it isn't tried.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "app/config.h"
#include "support/config_file.h"
#include "support/dovecot.h"
#include "support/guide.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/sample_mail.h"
#include "support/sandbox.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;

class Guides : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    writeConfig(box_, accountOn(work_, "work") + accountOn(home_, "home"));
  }
  void TearDown() override { box_.shell("emlfs umount ~/mail 2>/dev/null || true"); }

  // Gives what its commands have printed.
  std::string follow(const std::string& guide) const {
    std::string output;
    size_t tried = 0;
    for (const Fence& fence : readGuide(guide)) {
      SCOPED_TRACE(fmt::format("docs/{}:{}", guide, fence.line));
      if (fence.language == "toml") {
        EXPECT_NO_THROW(app::parseConfig(fence.text, guide));
      }
      if (fence.language != "sh" || !fence.not_run.empty()) continue;
      const auto result = box_.shell(fence.text);
      EXPECT_TRUE(result.status == 0 || speaksOfOthers(result.errors))
          << fence.text << result.output << result.errors;
      output += result.output;
      ++tried;
    }
    EXPECT_GT(tried, 1U);
    return output;
  }

  // `emlfs status` is about all mounts of this user: the daemons of other tests may be dead.
  bool speaksOfOthers(const std::string& errors) const {
    return errors.find("has died") != errors.npos && errors.find(box_.path()) == errors.npos;
  }

  const Dovecot work_{{}, sampleMail({"--messages", "800", "--largest", "1"})};
  const Dovecot home_;
  const Sandbox box_;
};

TEST_F(Guides, Accounts) {
  const auto output = follow("accounts.md");
  EXPECT_THAT(output, HasSubstr("all is well"));
  EXPECT_THAT(output, HasSubstr("INBOX"));
  EXPECT_THAT(output, HasSubstr("/mail/home: online"));
  EXPECT_TRUE(mountsBelow(box_.path()).empty());
}

TEST_F(Guides, Recipes) {
  work_.deliver("INBOX",
                "From: <a@example.org>\r\nSubject: listed\r\nList-Id: Talk "
                "<talk.lists.example.org>\r\n\r\nbody\r\n");
  ASSERT_EQ(box_.shell("emlfs mount work").status, 0);
  const auto output = follow("recipes.md");
  EXPECT_THAT(output, HasSubstr("Quarterly-report"));
  EXPECT_THAT(output, HasSubstr("0 changed"));  // by restic, the second time
  EXPECT_THAT(output, HasSubstr("1 moved"));
  const auto names = [&](const std::string& path) {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(box_ / path))
      all.push_back(entry.path().filename());
    return all;
  };
  EXPECT_THAT(names("archive/old"), Contains("2018"));
  EXPECT_THAT(names("mail/work/Archive/2018"), testing::IsEmpty());
  ASSERT_EQ(box_.shell("emlfs flush ~/mail/work").status, 0);
  EXPECT_THAT(names("mail/work/Lists/talk"), Contains(HasSubstr("listed")));
  ImapClient client(work_);
  client.expectOk("EXAMINE Invoices");
  EXPECT_FALSE(client.search("FLAGGED").empty());
}

TEST_F(Guides, Safety) {
  ASSERT_EQ(box_.shell("mkdir -p ~/archive/work/INBOX; printf 'Subject: x\\r\\n\\r\\nbody\\r\\n' "
                       "> ~/archive/work/INBOX/a.eml")
                .status,
            0);
  const auto output = follow("safety.md");
  EXPECT_THAT(output, HasSubstr("nothing can be changed"));
  EXPECT_THAT(output, HasSubstr("messages are brought back"));
  ImapClient client(work_);
  client.expectOk("EXAMINE Travel");
  EXPECT_EQ(client.search("SUBJECT x HEADER Subject x SMALLER 100").size(), 1U);
}

}  // namespace
}  // namespace emlfs::test
