#include "support/mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "emlfs/base/clock.h"
#include "emlfs/base/error.h"
#include "support/eventually.h"
#include "support/paths.h"
#include "support/process.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;

// The password comes on standard input and goes into the environment of emlfs alone: $0 is the
// directory of the mount. A sanitizer's complaint would go to the daemon's /dev/null.
const char* const kStart =
    R"(IFS= read -r EMLFS_PASSWORD; export EMLFS_PASSWORD XDG_CONFIG_HOME="$0/config"
       for name in ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS; do
         export $name="${!name-}:log_path=$0/sanitizer"
       done
       exec "$@")";

constexpr Milliseconds kEndLimit{30'000};
constexpr Milliseconds kDyingLimit{2'000};
constexpr Milliseconds kForkLimit{2'000};
constexpr ptrdiff_t kBeforeProgram = 4;  // words of the command

std::string urlOf(const ImapServer& server, const char* scheme, const std::string& host,
                  uint16_t port) {
  return fmt::format("{}://{}@{}:{}", scheme, server.user(), host, port);
}

std::vector<std::string> mountCommand(const ScratchDir& directory, const std::string& url,
                                      std::vector<std::string> options) {
  options.push_back("cache_dir=" + directory / "cache");
  const bool own_state = std::none_of(options.begin(), options.end(), [](const auto& option) {
    return option.starts_with("state_dir=");
  });
  if (own_state) options.push_back("state_dir=" + directory / "state");
  options.push_back("log_file=" + directory / "log");
  options.emplace_back("log_level=debug");
  std::vector<std::string> command{"bash",   "-c",    kStart, directory.path(),
                                   kProgram, "mount", url,    directory / "mail"};
  for (auto& option : options) {
    command.emplace_back("-o");
    command.push_back(std::move(option));
  }
  return command;
}

std::vector<std::string> with(std::vector<std::string> options, std::string one) {
  options.push_back(std::move(one));
  return options;
}

// A proxy sees no commands in what is compressed, and under load every server seems far.
std::vector<std::string> readableByProxy(std::vector<std::string> options) {
  const auto without = std::ranges::find_if(
      options, [](const auto& option) { return option.starts_with("without="); });
  if (without == options.end()) return with(std::move(options), "without=COMPRESS=DEFLATE");
  *without += ":COMPRESS=DEFLATE";
  return options;
}

bool ended(const Fd& process, Milliseconds limit) {
  pollfd waiting{process.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace

Mount::Mount(Later, const ImapServer& server, const std::vector<std::string>& options)
    : password_(server.password()),
      command_(mountCommand(directory_, urlOf(server, "imaps", server.host(), server.imapsPort()),
                            with(options, "ca_file=" + server.caFile()))) {
  fs::create_directory(path_);
}

Mount::Mount(const ImapServer& server, const std::vector<std::string>& options)
    : Mount(Later{}, server, options) {
  mount();
}

Mount::Mount(const ImapServer& server, const Proxy& proxy, const std::vector<std::string>& options)
    : password_(server.password()),
      command_(mountCommand(directory_, urlOf(server, "imap", "127.0.0.1", proxy.port()),
                            with(readableByProxy(options), "plaintext"))) {
  fs::create_directory(path_);
  mount();
}

Mount::Mount(const std::string& url, std::string password, const std::vector<std::string>& options)
    : password_(std::move(password)), command_(mountCommand(directory_, url, options)) {
  fs::create_directory(path_);
  mount();
}

Mount::~Mount() {
  try {
    if (daemon_) unmount();
  } catch (const std::exception& failure) {
    ADD_FAILURE() << failure.what() << "\nlog of the daemon:\n" << log();
  }
  detach();
}

void Mount::detach() noexcept {
  try {
    if (daemon_) ::syscall(SYS_pidfd_send_signal, daemon_.get(), SIGKILL, nullptr, 0);
    // More than one can lie on top of another.
    if (::geteuid() == 0) {
      while (::umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
      }
    } else {
      while (run({"fusermount3", "-uzq", path_}).status == 0) {
      }
    }
  } catch (const std::exception& failure) {
    ADD_FAILURE() << failure.what();
  }
}

void Mount::mount() {
  std::vector<std::string> command = command_;
  const auto program = command.begin() + kBeforeProgram;
  command.insert(command.insert(program, "env") + 1, environment_.begin(), environment_.end());
  for (const auto& option : later_options_) command.insert(command.end(), {"-o", option});
  daemon_.reset();
  runOrThrow(command, password_ + "\n");
  const pid_t pid = status()["pid"];
  daemon_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!daemon_) throw systemError("pidfd_open", errno);
}

void Mount::unmount() {
  // Another thread may be about to start a program, which has our files open until it begins.
  ProcessResult result;
  eventually(
      [&] {
        result = run({kProgram, "umount", path_});
        return result.errors.find("is in use") == std::string::npos;
      },
      kForkLimit);
  if (result.status != 0)
    throw std::runtime_error(
        fmt::format("emlfs umount ended with status {}: {}", result.status, result.errors));
  if (!ended(daemon_, Milliseconds(0)))
    throw std::runtime_error("emlfs umount came back before the daemon had ended");
  daemon_.reset();
  checkSanitizers();
}

void Mount::remount() {
  unmount();
  mount();
}

void Mount::clear() {
  clearCache();
  fs::remove_all(directory_ / "state");
}

void Mount::clearCache() {
  if (daemon_) throw std::logic_error("the cache is in use");
  fs::remove_all(directory_ / "cache");
}

void Mount::setOptions(std::vector<std::string> options) {
  later_options_ = std::move(options);
}

void Mount::setEnvironment(std::vector<std::string> assignments) {
  environment_ = std::move(assignments);
}

bool Mount::ends(Milliseconds limit) const {
  return !daemon_ || ended(daemon_, limit);
}

void Mount::kill() {
  if (!daemon_) return;
  if (::syscall(SYS_pidfd_send_signal, daemon_.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    throw systemError("killing the daemon", errno);
  // See Unstick.
  if (!ended(daemon_, kDyingLimit) && stateOf(daemon_) == 'Z') letGo(path_);
  if (!ended(daemon_, kEndLimit)) throw std::runtime_error("the daemon survived SIGKILL");
  daemon_.reset();
}

void Mount::checkSanitizers() const {
  for (const auto& file : fs::directory_iterator(directory_.path())) {
    if (file.path().filename().string().starts_with("sanitizer"))
      throw std::runtime_error("the daemon's sanitizer:\n" + readFile(file.path()));
  }
}

nlohmann::json Mount::status() const {
  std::string json(size_t{64} << 10, '\0');
  const ssize_t size = ::getxattr(path_.c_str(), "user.emlfs.status", json.data(), json.size());
  if (size < 0) throw systemError("status of " + path_, errno);
  json.resize(static_cast<size_t>(size));
  return nlohmann::json::parse(json);
}

std::string Mount::log() const {
  const std::string file = directory_ / "log";
  return fs::exists(file) ? readFile(file) : "";
}

void MountTest::SetUp() {
  const Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) GTEST_SKIP() << "/dev/fuse is closed to this user: nothing can be mounted here";
}

}  // namespace emlfs::test
