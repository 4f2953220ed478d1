// Other clients change everything while readers walk the mount: what a reader gets is right or
// gone, what nobody touches is always there, and afterwards the mount shows what the server has.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "emlfs/base/error.h"
#include "support/eventually.h"
#include "support/imap_client.h"
#include "support/meddler.h"
#include "support/mount.h"
#include "support/process.h"
#include "support/proof_mail.h"
#include "support/soak.h"
#include "support/tree.h"
#include "support/witness.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr size_t kAnchors = 8;  // in each mailbox
constexpr Milliseconds kPause{15};
constexpr seconds kRound{60};  // between two comparisons
constexpr seconds kQuiet{10};  // until the tree is the server's
const std::vector<std::string> kBusy{"Busy0", "Busy1", "Busy2"};
const std::vector<std::string> kAnchored{"INBOX", "Steady", "Steady/Inner",
                                         "Busy0", "Busy1",  "Busy2"};

// What may become of a file or directory that somebody moves away or removes: its name isn't there
// any more (ENOENT), or the kernel still has it and the file system hasn't (ESTALE). In the moment
// of a rename Dovecot refuses to open a mailbox that it still lists (EIO).
bool isGone(int error) {
  return error == ENOENT || error == ESTALE || error == EIO;
}

void populate(const Dovecot& server, uint64_t seed) {
  ImapClient client(server);
  std::mt19937_64 random(seed);
  for (const auto& mailbox : kAnchored) {
    client.command(fmt::format("CREATE \"{}\"", mailbox));
    for (size_t i = 0; i < kAnchors; ++i)
      client.append(mailbox, kAnchorKeyword, proofMessage({random(), random() % 9000, true}));
  }
}

// What has to be in every listing, by directory, and how it has to look.
class Anchors {
 public:
  explicit Anchors(const std::string& root) : root_(root) {
    for (const auto& mailbox : kAnchored) {
      for (const auto& name : namesIn(root + "/" + mailbox)) {
        if (!name.ends_with(".eml")) continue;
        add(mailbox, name);
        const std::string path = mailbox + "/" + name;
        if (::lstat((root + "/" + path).c_str(), &stats_[path]) != 0)
          throw systemError("stat of " + path, errno);
      }
      const size_t slash = mailbox.rfind('/');
      if (slash == mailbox.npos)
        add("", mailbox);
      else
        add(mailbox.substr(0, slash), mailbox.substr(slash + 1));
    }
  }

  const std::map<std::string, struct stat>& messages() const { return stats_; }
  bool has(const std::string& path) const {
    return path.empty() || stats_.count(path) != 0 || names_.count(path) != 0;
  }

  void check(const std::string& directory, std::vector<std::string> names, Witness& witness) const {
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end())
      witness.complain("a listing of " + directory + " has a name twice");
    const auto expected = names_.find(directory);
    if (expected == names_.end()) return;
    std::vector<std::string> missing;
    std::set_difference(expected->second.begin(), expected->second.end(), names.begin(),
                        names.end(), std::back_inserter(missing));
    if (!missing.empty())
      witness.complain(fmt::format("a listing of '{}' with {} names lacks {}, of them {}",
                                   directory, names.size(), missing.size(), missing[0]));
  }

  void check(const std::string& path, const struct stat& now, Witness& witness) const {
    const auto before = stats_.find(path);
    if (before == stats_.end()) return;
    if (now.st_ino != before->second.st_ino || now.st_size != before->second.st_size ||
        now.st_mtime != before->second.st_mtime)
      witness.complain(path + " has another inode, size or time than before");
  }

 private:
  void add(const std::string& directory, const std::string& name) {
    names_[directory].insert(name);
  }

  std::string root_;
  std::map<std::string, std::set<std::string>> names_;
  std::map<std::string, struct stat> stats_;  // messages
};

// The readers of one round, each with a thread of its own until it is over.
class Readers {
 public:
  Readers(const std::string& root, const Anchors& anchors, Witness& witness, uint64_t seed)
      : root_(root), anchors_(anchors), witness_(witness), seed_(seed) {
    start([this] { walk("", Witness::Through::page_cache); });
    start([this] { walk("", Witness::Through::direct); });
    start([this] { useGrep(); });
    start([this] { useLs(); });
    threads_.emplace_back([this] { hold(); });
  }

  ~Readers() { stopping_ = true; }

  void stop() {
    stopping_ = true;
    threads_.clear();
  }
  uint64_t walks() const { return walks_; }

 private:
  void start(const std::function<void()>& once) {
    threads_.emplace_back([this, once] {
      try {
        for (; !stopping_; ++walks_) once();
      } catch (const std::exception& failure) {
        witness_.complain(failure.what());
      }
    });
  }

  void judge(const std::string& path, int error, const char* what) {
    if (error == 0 || (isGone(error) && !anchors_.has(path))) return;
    witness_.complain(fmt::format("{} of {}: {}", what, path, errorText(error)));
  }

  void walk(const std::string& directory, Witness::Through through) {
    std::vector<std::string> names;
    const int error = witness_.list(root_ + "/" + directory, names);
    judge(directory, error, "listing");
    if (error == 0) anchors_.check(directory, names, witness_);
    for (const auto& name : names) {
      if (stopping_) return;
      const std::string path = directory.empty() ? name : directory + "/" + name;
      struct stat found{};
      if (const int failure = witness_.stat(root_ + "/" + path, found)) {
        judge(path, failure, "stat");
      } else if (S_ISDIR(found.st_mode)) {
        walk(path, through);
      } else {
        anchors_.check(path, found, witness_);
        judge(path, witness_.read(root_ + "/" + path, through), "reading");
      }
    }
  }

  // Programs say on standard error what failed: nothing but what was removed.
  ProcessResult use(std::vector<std::string> command) {
    command.insert(command.begin(), {"env", "LC_ALL=C"});
    ProcessResult result = run(command);
    std::istringstream lines(result.errors);
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with(errorText(ENOENT)) || line.ends_with(errorText(ESTALE)) ||
          line.ends_with(errorText(EIO)))
        continue;
      witness_.complain(command[2] + " says: " + line);
    }
    return result;
  }

  void useGrep() {
    const std::string found =
        "\n" + use({"grep", "-rlF", "X-Anchor: yes", "--include=*.eml", root_}).output;
    for (const auto& [path, told] : anchors_.messages())
      if (found.find("\n" + root_ + "/" + path + "\n") == found.npos)
        witness_.complain("grep -r did not find " + path);
  }

  void useLs() {
    const std::string listing = use({"ls", "-lR", root_}).output;
    for (const auto& [path, told] : anchors_.messages())
      if (listing.find(fs::path(path).filename().string() + "\n") == listing.npos)
        witness_.complain("ls -lR did not list " + path);
  }

  // Keeps messages open while they are moved and expunged: they read on, or say that they are gone.
  void hold() {
    std::mt19937_64 random(seed_);
    std::deque<std::pair<std::string, Fd>> open;
    while (!stopping_) {
      std::vector<std::string> names;
      const std::string mailbox = root_ + "/" + kBusy.at(random() % kBusy.size());
      if (witness_.list(mailbox, names) == 0 && !names.empty()) {
        const std::string& name = names.at(random() % names.size());
        Fd file(::open((mailbox + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
        if (file) open.emplace_back(name, std::move(file));
      }
      for (const auto& [name, file] : open) {
        const int error = witness_.readAt(file.get(), name, 0, 1 + random() % 5'000);
        if (error != 0 && !isGone(error))
          witness_.complain(fmt::format("an open {}: {}", name, errorText(error)));
      }
      if (open.size() > 40) open.pop_front();
    }
  }

  const std::string root_;
  const Anchors& anchors_;
  Witness& witness_;
  const uint64_t seed_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> walks_{0};
  std::vector<std::jthread> threads_;
};

// Dovecot's processes wait that long for each other's locks on the list of mailboxes, on a busy
// machine, after so many renames.
constexpr seconds kServersPatience{150};

class Hammer : public MountTest {
 protected:
  // For that long, in rounds that each end with a comparison.
  void hammer(const Dovecot& server, std::vector<std::string> options, seconds duration) {
    const uint64_t seed = chosenSeed();
    populate(server, seed);
    options.push_back(fmt::format("timeout={}s", kServersPatience.count()));
    const Mount mount(server, options);
    const Anchors anchors(mount.path());
    ASSERT_EQ(anchors.messages().size(), kAnchors * kAnchored.size());
    Witness witness{kServersPatience};
    Meddler first(server, kBusy, "One", seed + 1);
    Meddler second(server, kBusy, "Two", seed + 2);
    uint64_t walks = 0;
    Milliseconds settled{0};
    for (seconds left = duration; left > seconds(0) && !HasFailure();) {
      const seconds round = std::min(left, kRound);
      left -= round;
      const Deadline end = Deadline::after(round);
      Readers readers(mount.path(), anchors, witness, seed + 3);
      std::jthread other([&] { meddle(second, end); });
      meddle(first, end);
      other.join();
      const auto quiet = Clock::now();
      readers.stop();
      walks += readers.walks();
      try {
        settled = std::max(settled, compare(server, mount, quiet));
      } catch (const std::exception& failure) {
        ADD_FAILURE() << "comparing: " << failure.what();
      }
    }
    Changes changes = first.changes();
    changes += second.changes();
    const Figures figures = witness.figures();
    fmt::print("hammer: {}\nhammer: {} walks; {}\nhammer: like a fresh mount after {} ms at most\n",
               text(changes), walks, text(figures), settled.count());
    EXPECT_EQ(figures.wrong, 0U);
    EXPECT_EQ(figures.late, 0U);
    for (const auto& complaint : figures.complaints) ADD_FAILURE() << complaint;
    EXPECT_GT(changes.renamed, 0U);
    EXPECT_GT(figures.bodies, 100U);
    if (HasFailure())
      fmt::print("what the daemon complained about:\n{}what the server complained about:\n{}",
                 troubles(mount.log(), {" warning ", " error "}),
                 troubles(server.log(), {"Warning: ", "Error: ", "Panic: "}));
  }

 private:
  // Lines that have one of `levels`, each once and without its time.
  static std::string troubles(const std::string& log, const std::vector<std::string>& levels) {
    std::istringstream lines(log);
    std::map<std::string, int> counts;
    for (std::string line; std::getline(lines, line);) {
      size_t level = line.npos;
      for (const auto& each : levels) level = std::min(level, line.find(each));
      if (level != line.npos) ++counts[line.substr(level)];
    }
    std::string found;
    for (const auto& [line, count] : counts) found += fmt::format("{}x {}\n", count, line);
    return found;
  }

  static void meddle(Meddler& meddler, Deadline end) {
    try {
      meddler.run(end, kPause);
    } catch (const std::exception& failure) {
      ADD_FAILURE() << "the other client: " << failure.what();
    }
  }

  // Renames at the same time leave Dovecot 2.3 with mailboxes that it lists and can't open any more
  // (its log: "rename(index/...) failed: Directory not empty"): no client could show them.
  static void removeWhatTheServerBroke(const Dovecot& server) {
    ImapClient client(server);
    for (const auto& mailbox : client.mailboxes()) {
      const auto answer = client.command("EXAMINE \"" + mailbox + "\"");
      if (answer.ok) continue;
      fmt::print("hammer: the server can't open its own {}: {}\n", mailbox, answer.text);
      for (const char* part : {"mailbox", "index", "control"}) {
        std::string path = server.doveadm({"mailbox", "path", "-t", part, mailbox});
        while (!path.empty() && path.back() == '\n') path.pop_back();
        std::filesystem::remove_all(path);
      }
    }
  }

  // How long after `quiet` the mount was seen to be like a fresh one.
  static Milliseconds compare(const Dovecot& server, const Mount& mount, Clock::time_point quiet) {
    removeWhatTheServerBroke(server);
    Tree fresh;
    std::string differs = "not compared";
    {
      const Mount other(server, {fmt::format("timeout={}s", kServersPatience.count())});
      // Dovecot may list a mailbox for a moment that it then won't open ("deleted under us").
      const auto read = [&] {
        try {
          fresh = readTree(other.path());
          return true;
        } catch (const std::exception& failure) {
          differs = failure.what();
          return false;
        }
      };
      if (!eventually(read, kQuiet)) {
        ADD_FAILURE() << "a fresh mount can't be read: " << differs;
        return {};
      }
    }
    // However long that took, there is one look.
    do {
      try {
        differs = difference(fresh, readTree(mount.path()));
      } catch (const std::exception& failure) {
        differs = failure.what();
      }
    } while (!differs.empty() && Clock::now() < quiet + kQuiet);
    EXPECT_EQ(differs, "") << "(expected is what a fresh mount shows)";
    EXPECT_EQ(mailOf(fresh), mailOf(server));
    return std::chrono::duration_cast<Milliseconds>(Clock::now() - quiet);
  }
};

seconds share(int percent) {
  return soakTime().value_or(seconds(20)) * percent / 100;
}

TEST_F(Hammer, ServerThatTellsWhatChanges) {
  const Dovecot server(kKeepBytes);
  hammer(server, {}, share(60));
}

// Neither NOTIFY nor IDLE, nor anything that tells what changed since.
TEST_F(Hammer, ServerThatHasToBeAsked) {
  std::vector<std::string> options = kKeepBytes;
  options.insert(options.end(), {"--without", "NOTIFY IDLE CONDSTORE QRESYNC ESEARCH"});
  const Dovecot server(options);
  hammer(server, {"poll=1s"}, share(40));
}

}  // namespace
}  // namespace emlfs::test
