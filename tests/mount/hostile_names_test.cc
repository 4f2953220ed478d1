// Servers with hostile names of mailboxes and messages: all that is listed stays inside the mount,
// has a name that a file can have, and is found under it.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "emlfs/base/file.h"
#include "support/mount.h"
#include "support/script_imap.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameMax = 255;

class HostileNames : public MountTest {};

void checkName(const std::string& name) {
  SCOPED_TRACE(testing::PrintToString(name));
  EXPECT_LE(name.size(), kNameMax);
  EXPECT_NE(name, "");
  EXPECT_NE(name, ".");
  EXPECT_NE(name, "..");
  EXPECT_TRUE(std::none_of(name.begin(), name.end(),
                           [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/'; }));
}

// Names in `directory`, each of them looked up. Throws if one can't be.
std::vector<std::string> checkedNames(const std::string& directory) {
  auto names = namesIn(directory);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  for (const auto& name : names) {
    checkName(name);
    struct stat st{};
    EXPECT_EQ(::lstat((directory + "/" + name).c_str(), &st), 0) << name;
    EXPECT_TRUE(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) << name;
  }
  return names;
}

// Messages in `top` and below. Directories that can't be read are added to `closed`.
size_t countMessages(const std::string& top, std::vector<std::string>& closed) {
  if (std::error_code error; fs::directory_iterator(top, error), error) {
    closed.push_back(fs::path(top).filename());
    return 0;
  }
  size_t messages = 0;
  for (const auto& name : checkedNames(top)) {
    struct stat st{};
    EXPECT_EQ(::lstat((top + "/" + name).c_str(), &st), 0);
    if (S_ISDIR(st.st_mode)) {
      messages += countMessages(top + "/" + name, closed);
    } else {
      ++messages;
      EXPECT_EQ(readFile(top + "/" + name).size(), static_cast<size_t>(st.st_size));
    }
  }
  return messages;
}

TEST_F(HostileNames, OfMailboxesStayInside) {
  const std::vector<std::string> wires{"INBOX",       "../../x",
                                       ".",           "..",
                                       "a/../b",      "/absolute",
                                       "/",           "a//b",
                                       "trailing/",   "\x01\x1b[31m",
                                       "tab\tname",   "line\rfeed",
                                       "del\x7f",     std::string(10'000, 'n'),
                                       "&abc",        "&AGEAYg-",
                                       "ab",          "&AC8-",
                                       "&AAA-",       "&2D0-",
                                       "\xff\xfe",    "%2F",
                                       "~",           "-rf",
                                       " ",           "$(reboot)",
                                       "inBOX/below", "x.1.eml",
                                       "&IC4-"};
  std::vector<ScriptMailbox> mailboxes;
  for (const auto& wire : wires)
    mailboxes.push_back({wire, {{1, makeMessage("m", 500, mailboxes.size()), {}}}});
  const ScriptImap server(mailboxes);
  const Mount mount(server.url(), "secret", {"plaintext", "poll=10min"});
  std::vector<std::string> closed;
  const size_t messages = countMessages(mount.path(), closed);
  // No command can name what holds a line end.
  for (const auto& name : closed) EXPECT_NE(name.find("%0D"), name.npos) << name;
  EXPECT_LE(closed.size(), 1U);
  EXPECT_EQ(messages, wires.size() - closed.size());
}

TEST_F(HostileNames, OfMessagesStayInside) {
  const std::vector<std::string> subjects{
      "../../../etc/passwd",
      "/etc/passwd",
      ".",
      "..",
      "",
      " ",
      "-rf *",
      "\x1b[2J\x1b]0;title\x07",
      "=?utf-8?q?=E2=80=AEgpj.exe?=",
      "=?utf-8?q?a=00b?=",
      "=?utf-8?q?a=0Ab=2Fc?=",
      "=?utf-8?b?" + std::string(4000, 'A') + "?=",
      "=?no-such-charset?q?x?=",
      "folded\r\n\tsubject",
      std::string("nul\0inside", 10),
      "\xff\xfe\xc3(",
      std::string(100'000, 's'),
      "$(reboot) `id` ; | & > <",
      "same",
      "same",
  };
  ScriptMailbox inbox{"INBOX", {}};
  for (const auto& subject : subjects) {
    const auto uid = static_cast<Uid>(inbox.messages.size() + 1);
    inbox.messages.push_back({uid, makeMessage(subject, 300, uid), {}});
  }
  const ScriptImap server({inbox});
  const Mount mount(server.url(), "secret", {"plaintext", "poll=10min"});
  const auto names = checkedNames(mount / "INBOX");
  ASSERT_EQ(names.size(), subjects.size());
  for (const auto& message : inbox.messages) {
    const auto name = std::find_if(names.begin(), names.end(), [&](const std::string& one) {
      return one.ends_with(fmt::format(".{}.eml", message.uid));
    });
    ASSERT_NE(name, names.end()) << message.uid;
    EXPECT_EQ(readFile(mount / ("INBOX/" + *name)), message.body);
  }
}

}  // namespace
}  // namespace emlfs::test
