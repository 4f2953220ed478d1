// New messages, made through a mount with the programs that people use; the server's own files say
// what has arrived.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "emlfs/base/error.h"
#include "emlfs/base/file.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/mount.h"
#include "support/paths.h"
#include "support/process.h"
#include "support/tree.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr int64_t kDate = 1'600'000'000;

std::string crlfMail(const std::string& subject, size_t lines = 20) {
  std::string text = "From: Alice <alice@example.org>\r\nSubject: " + subject +
                     "\r\nMessage-ID: <" + subject + "@example.org>\r\n\r\n";
  for (size_t i = 0; i < lines; ++i) text += fmt::format("line {} of {}\r\n", i, subject);
  return text;
}

std::string lfMail(const std::string& subject) {
  std::string text = crlfMail(subject);
  std::erase(text, '\r');
  return text;
}

void put(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) throw std::runtime_error("can't write " + path);
}

int64_t mtimeOf(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) throw systemError(path, errno);
  return st.st_mtim.tv_sec;
}

// Until the server has all that is closed.
void flush(const Mount& mount) {
  const Fd root(::open(mount.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::fsync(root.get()) != 0) throw systemError("flush", errno);
}

class DraftTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    server_ = std::make_unique<Dovecot>(kKeepBytes);
    server_->createMailbox("A");
    server_->createMailbox("B");
    mount_ = std::make_unique<Mount>(*server_);
    namesIn(mount() / "A");
    namesIn(mount() / "B");
  }

  const Dovecot& server() const { return *server_; }
  Mount& mount() { return *mount_; }
  // A local directory.
  std::string local(const std::string& name) const { return directory_ / name; }

  // What the server has in a mailbox, by the bytes.
  std::vector<std::string> stored(const std::string& mailbox) const {
    std::vector<std::string> sums;
    const Mail mail = mailOf(server());
    for (const auto& content : mail.at(mailbox)) sums.push_back(content.sha256);
    return sums;
  }
  std::vector<int64_t> dates(const std::string& mailbox) const {
    std::vector<int64_t> all;
    const Mail mail = mailOf(server());
    for (const auto& content : mail.at(mailbox)) all.push_back(content.mtime);
    return all;
  }
  ProcessResult shell(const std::string& script) const {
    return run(
        {"bash", "-c", "cd \"$0\" && exec 2>&1; " + script, mount_->path(), directory_.path()});
  }
  void expectShell(const std::string& script) const {
    const auto result = shell(script);
    EXPECT_EQ(result.status, 0) << script << "\n" << result.output << result.errors;
  }

 private:
  ScratchDir directory_;
  std::unique_ptr<Dovecot> server_;
  std::unique_ptr<Mount> mount_;
};

TEST_F(DraftTest, CopiesArriveWithTheirBytesAndTimes) {
  put(local("one.eml"), crlfMail("one"));
  put(local("large.eml"), crlfMail("large", 60'000));
  expectShell(
      "touch -d @1600000000 \"$1/one.eml\" \"$1/large.eml\" && cp \"$1/one.eml\" A/ && "
      "cp -p \"$1/large.eml\" B/ && cp -a \"$1/one.eml\" B/again.eml && "
      "python3 -c 'import shutil,sys; shutil.copy2(*sys.argv[1:])' \"$1/one.eml\" "
      "B/python.eml");
  EXPECT_EQ(mtimeOf(mount() / "B/large.eml"), kDate);
  flush(mount());
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("one"))));
  EXPECT_THAT(stored("B"), UnorderedElementsAre(sha256(crlfMail("large", 60'000)),
                                                sha256(crlfMail("one")), sha256(crlfMail("one"))));
  EXPECT_THAT(dates("B"), ElementsAre(kDate, kDate, kDate));
  EXPECT_EQ(readFile(mount() / "B/large.eml"), crlfMail("large", 60'000));
  // The same after all that was cached is gone.
  mount().unmount();
  fs::remove_all(mount().directory() + "/cache");
  mount().mount();
  EXPECT_THAT(namesIn(mount() / "B"), ElementsAre("again.eml", "large.eml", "python.eml"));
  EXPECT_EQ(readFile(mount() / "B/large.eml"), crlfMail("large", 60'000));
  EXPECT_EQ(mtimeOf(mount() / "B/large.eml"), kDate);
}

// What is done to mailboxes right after a copy waits for it, and never the other way round as well.
TEST_F(DraftTest, ACopyAndChangesOfMailboxesDontWaitForEachOther) {
  put(local("new.eml"), crlfMail("new"));
  put(local("old.eml"), crlfMail("old"));
  expectShell("mkdir A/gone A/full P && cp \"$1/old.eml\" P/y.eml && cp \"$1/old.eml\" A/full/");
  flush(mount());
  expectShell("cp \"$1/new.eml\" A/z.eml && rmdir A/gone");
  flush(mount());
  expectShell("cp \"$1/new.eml\" A/zz.eml && rm A/full/old.eml");
  flush(mount());
  expectShell("cp \"$1/new.eml\" P/n.eml && rm P/y.eml && mv P Q");
  flush(mount());
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("new")), sha256(crlfMail("new"))));
  EXPECT_THAT(stored("Q"), testing::Contains(sha256(crlfMail("new"))));
  EXPECT_EQ(mount().status().at("changes").at("pending"), 0);
}

// It may stay empty for ever.
TEST_F(DraftTest, AnEmptyFileWithFlagsHoldsUpNoDeletion) {
  put(local("old.eml"), crlfMail("old"));
  expectShell("cp \"$1/old.eml\" A/");
  flush(mount());
  expectShell(
      "touch B/empty.eml && setfattr -n user.imap.flags -v '+\\Flagged' B/empty.eml && "
      "rm A/old.eml");
  flush(mount());
  EXPECT_EQ(mount().status().at("changes").at("pending"), 0);
  // Once there is something in it, it goes with what it was given.
  expectShell("cat \"$1/old.eml\" > B/empty.eml");
  flush(mount());
  EXPECT_THAT(stored("B"), ElementsAre(sha256(crlfMail("old"))));
  ImapClient client(server());
  client.expectOk("EXAMINE B");
  EXPECT_EQ(client.search("FLAGGED").size(), 1U);
}

// What nobody has closed was never acknowledged, and half of it is no message.
TEST_F(DraftTest, HalfAMessageIsNotSent) {
  {
    const Fd writer(::open((mount() / "A/half.eml").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string half = crlfMail("half");
    ASSERT_EQ(::write(writer.get(), half.data(), half.size()), static_cast<ssize_t>(half.size()));
    mount().kill();
  }
  mount().mount();
  flush(mount());
  EXPECT_THAT(stored("A"), IsEmpty());
  EXPECT_EQ(readFile(mount() / "A/half.eml"), crlfMail("half"));
  EXPECT_NE(mount().status().at("drafts").at(0).at("reason"), "");
  expectShell("mv A/half.eml A/whole.eml");
  flush(mount());
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("half"))));
}

// The letters of a temporary's random end are no flags.
TEST_F(DraftTest, RsyncKeepsAMaildirsFlags) {
  expectShell("mkdir \"$1/md\"");
  for (int i = 10; i < 40; ++i)
    put(local(fmt::format("md/17000000{}.z{}.host:2,S", i, i)), crlfMail(std::to_string(i)));
  expectShell("rsync -a \"$1/md/\" A/");
  flush(mount());
  const auto names = namesIn(mount() / "A");
  EXPECT_EQ(names.size(), 30U);
  for (const auto& name : names)
    EXPECT_EQ(run({"getfattr", "--absolute-names", "--only-values", "-n", "user.imap.flags",
                   mount() / "A/" + name})
                  .output,
              "\\Seen");
}

TEST_F(DraftTest, TheShellWritesMessages) {
  put(local("lf.eml"), lfMail("lf"));
  expectShell(
      "cat \"$1/lf.eml\" > A/cat.eml && tee A/tee.eml < \"$1/lf.eml\" >/dev/null && "
      "head -n 5 \"$1/lf.eml\" > B/parts.eml && tail -n +6 \"$1/lf.eml\" >> B/parts.eml");
  flush(mount());
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("lf")), sha256(crlfMail("lf"))));
  EXPECT_THAT(stored("B"), ElementsAre(sha256(crlfMail("lf"))));
  // The file has the bytes that the server has.
  EXPECT_EQ(readFile(mount() / "A/cat.eml"), crlfMail("lf"));
  EXPECT_EQ(fs::file_size(mount() / "A/tee.eml"), crlfMail("lf").size());
  // Written on, it is a new version.
  expectShell("echo 'one more line' >> B/parts.eml");
  flush(mount());
  EXPECT_THAT(stored("B"), ElementsAre(sha256(crlfMail("lf") + "one more line\r\n")));
  EXPECT_EQ(readFile(mount() / "B/parts.eml"), crlfMail("lf") + "one more line\r\n");
}

TEST_F(DraftTest, RsyncBringsAndTakesAwayTheSameFiles) {
  fs::create_directory(local("from"));
  for (const char* name : {"a", "b", "c"}) put(local("from/") + name + ".eml", crlfMail(name));
  expectShell("touch -d @1600000000 \"$1\"/from/*.eml && rsync -a \"$1/from/\" A/");
  flush(mount());
  EXPECT_THAT(dates("A"), ElementsAre(kDate, kDate, kDate));
  const auto again = shell("rsync -ai \"$1/from/\" A/ | grep '^[<>]f'; true");
  EXPECT_EQ(again.output, "") << "it is sent again";
  expectShell("rsync -a A/ \"$1/back/\" && diff -r \"$1/from\" \"$1/back\"");
  EXPECT_EQ(mtimeOf(local("back/b.eml")), kDate);

  fs::create_directory(local("lf"));
  for (const char* name : {"x", "y"}) put(local("lf/") + name + ".eml", lfMail(name));
  expectShell("touch -d @1600000000 \"$1\"/lf/*.eml && rsync -a \"$1/lf/\" B/");
  flush(mount());
  const auto before = stored("B");
  EXPECT_EQ(before.size(), 2U);
  const std::string uids = server().doveadm({"fetch", "uid", "mailbox", "B"});
  expectShell("rsync -a \"$1/lf/\" B/");
  flush(mount());
  EXPECT_EQ(stored("B"), before);
  EXPECT_EQ(server().doveadm({"fetch", "uid", "mailbox", "B"}), uids) << "it was sent again";

  expectShell("rsync -a --inplace \"$1/from/a.eml\" B/inplace.eml");
  flush(mount());
  EXPECT_EQ(stored("B").size(), 3U);
}

TEST_F(DraftTest, ArchivesAndMaildirsAreTakenApart) {
  fs::create_directories(local("Maildir/cur"));
  put(local("Maildir/cur/1.host:2,FS"), lfMail("flagged"));
  put(local("Maildir/cur/2.host:2,"), lfMail("plain"));
  fs::create_directory(local("tar"));
  put(local("tar/t1.eml"), crlfMail("t1"));
  put(local("tar/t2.eml"), crlfMail("t2"));
  expectShell(
      "touch -d @1600000000 \"$1\"/*/*.eml \"$1\"/Maildir/cur/* && "
      "mv \"$1\"/Maildir/cur/* A/ && tar -C \"$1/tar\" -c . | tar -C B -x");
  EXPECT_THAT(namesIn(local("Maildir/cur")), IsEmpty());
  flush(mount());
  EXPECT_THAT(stored("A"),
              UnorderedElementsAre(sha256(crlfMail("flagged")), sha256(crlfMail("plain"))));
  EXPECT_THAT(server().doveadm({"fetch", "flags", "mailbox", "A", "flagged"}), HasSubstr("\\Seen"));
  EXPECT_THAT(stored("B"), UnorderedElementsAre(sha256(crlfMail("t1")), sha256(crlfMail("t2"))));
  EXPECT_THAT(dates("A"), ElementsAre(kDate, kDate));
  EXPECT_THAT(dates("B"), ElementsAre(kDate, kDate));
  EXPECT_THAT(namesIn(mount() / "A"), UnorderedElementsAre("1.host:2,FS", "2.host:2,"));
}

TEST_F(DraftTest, EditorsReplaceMessages) {
  server().deliver("A", crlfMail("old"));
  ASSERT_TRUE(eventually([&] { return namesIn(mount() / "A").size() == 1; }));
  const std::string name = namesIn(mount() / "A")[0];
  expectShell("sed -i 's/line 3 of/LINE THREE OF/' \"A/" + name + "\"");
  flush(mount());
  std::string edited = crlfMail("old");
  edited.replace(edited.find("line 3 of"), 9, "LINE THREE OF");
  EXPECT_THAT(stored("A"), ElementsAre(sha256(edited)));
  EXPECT_THAT(namesIn(mount() / "A"), ElementsAre(name));

  expectShell("vi -u NONE -n -es -c '%s/LINE THREE OF/line three of/' -c wq \"A/" + name + "\"");
  flush(mount());
  edited.replace(edited.find("LINE THREE OF"), 13, "line three of");
  EXPECT_TRUE(eventually([&] {
    flush(mount());
    return stored("A") == std::vector{sha256(edited)};
  })) << testing::PrintToString(namesIn(mount() / "A"));
  EXPECT_THAT(namesIn(mount() / "A"), ElementsAre(name));
}

TEST_F(DraftTest, WhatIsNoMessageIsRefused) {
  const auto refused = [&](const std::string& script, const std::string& words) {
    const auto result = shell(script);
    EXPECT_NE(result.status, 0) << script;
    EXPECT_THAT(result.output, HasSubstr(words)) << script;
  };
  refused("echo 'no message' > A/notes.txt", "Invalid argument");
  refused("head -c 1000 /dev/urandom > A/noise.eml", "Invalid argument");
  // EINVAL, which mv takes for what it means of directories.
  refused("echo no message > A/.x.tmp && mv A/.x.tmp A/x.eml", "cannot move");
  refused("echo x > x.eml", "Operation not permitted");  // the root is no mailbox
  refused("mkfifo A/fifo", "Operation not permitted");
  refused("mknod A/null c 1 3", "Operation not permitted");
  server().deliver("B", crlfMail("old"));
  ASSERT_TRUE(eventually([&] { return namesIn(mount() / "B").size() == 1; }));
  refused("echo x >> B/*", "Operation not permitted");
  refused("truncate -s 5 B/*", "Operation not permitted");
  refused("touch -d @5 B/*", "Operation not permitted");
  expectShell(
      "chmod 644 B/* && chown \"$(id -u)\" B/* && touch B && "
      "touch -r B/* B/*");
  EXPECT_EQ(readFile(mount() / "B/" + namesIn(mount() / "B")[0]), crlfMail("old"));
  flush(mount());
  EXPECT_THAT(stored("A"), IsEmpty());
}

TEST_F(DraftTest, AWriteIntoAMappedMessageLeavesNoTrace) {
  server().deliver("A", crlfMail("old", 2'000));
  ASSERT_TRUE(eventually([&] { return namesIn(mount() / "A").size() == 1; }));
  const std::string path = mount() / "A/" + namesIn(mount() / "A")[0];
  ASSERT_EQ(readFile(path), crlfMail("old", 2'000));
  {
    const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(file);
    void* const map = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    static_cast<char*>(map)[5000] = '\1';
    EXPECT_NE(::msync(map, 8192, MS_SYNC), 0);
    ::munmap(map, 8192);
  }
  EXPECT_TRUE(eventually([&] { return readFile(path) == crlfMail("old", 2'000); }));
}

TEST_F(DraftTest, DraftsAreKeptByKillAndSentLater) {
  put(mount() / "A/one.eml", crlfMail("one"));
  put(mount() / "A/.two.tmp", crlfMail("two"));
  // Who removes something has that answered after what was closed before.
  put(mount() / "A/.three.tmp", crlfMail("three"));
  fs::remove(mount() / "A/.three.tmp");
  mount().kill();
  mount().mount();
  EXPECT_THAT(namesIn(mount() / "A"), UnorderedElementsAre("one.eml", ".two.tmp"));
  EXPECT_EQ(readFile(mount() / "A/one.eml"), crlfMail("one"));
  EXPECT_EQ(readFile(mount() / "A/.two.tmp"), crlfMail("two"));
  EXPECT_TRUE(eventually([&] { return stored("A").size() == 1; }));
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("one"))));
  // A temporary is nothing that a flush has to send.
  EXPECT_EQ(run({kProgram, "flush", mount().path()}).status, 0);
  fs::rename(mount() / "A/.two.tmp", mount() / "A/two.eml");
  flush(mount());
  EXPECT_EQ(stored("A").size(), 2U);
}

TEST_F(DraftTest, WorksOfflineAndSendsWhenTheServerIsBack) {
  auto proxy = Proxy::start({server().host(), server().imapPort()});
  Mount offline(server(), *proxy, {"timeout=2s"});
  namesIn(offline / "A");
  namesIn(offline / "B");
  proxy->refuse();
  proxy->cutNow();
  put(offline / "A/one.eml", lfMail("one"));
  EXPECT_TRUE(eventually([&] { return readFile(offline / "A/one.eml") == crlfMail("one"); }));
  put(offline / "A/.tmp", crlfMail("replaced"));
  fs::rename(offline / "A/.tmp", offline / "A/one.eml");  // before the server has the first
  put(offline / "B/gone.eml", crlfMail("gone"));
  fs::remove(offline / "B/gone.eml");
  proxy->resume();
  EXPECT_TRUE(eventually([&] { return stored("A").size() == 1; }));
  flush(offline);
  EXPECT_THAT(stored("A"), ElementsAre(sha256(crlfMail("replaced"))));
  EXPECT_THAT(stored("B"), IsEmpty());
}

TEST_F(MountTest, WhatIsOverQuotaIsKeptInTheSpool) {
  std::vector<std::string> options = kKeepBytes;
  options.insert(options.end(), {"--quota", "20k"});
  const Dovecot server(options);
  server.createMailbox("A");
  Mount mount(server);
  namesIn(mount / "A");
  put(mount / "A/small.eml", crlfMail("small"));
  put(mount / "A/large.eml", crlfMail("large", 10'000));
  const Fd root(::open(mount.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_NE(::fsync(root.get()), 0);
  EXPECT_EQ(errno, EDQUOT);
  EXPECT_THAT(namesIn(mount / "A"), ElementsAre("small.eml"));
  const std::string spool = mount.directory() + "/state/spool";
  ASSERT_EQ(namesIn(spool).size(), 1U);
  EXPECT_EQ(readFile(spool + "/" + namesIn(spool)[0]), crlfMail("large", 10'000));
}

}  // namespace
}  // namespace emlfs::test
