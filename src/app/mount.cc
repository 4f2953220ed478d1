// emlfs mount SOURCE MOUNTPOINT
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cerrno>

#include "app/commands.h"
#include "app/daemon.h"
#include "app/exit_code.h"
#include "app/failure.h"
#include "app/mount_of.h"
#include "app/mount_point.h"
#include "app/paths.h"
#include "app/service_manager.h"
#include "app/settings.h"
#include "app/sign_in.h"
#include "emlfs/account/account.h"
#include "emlfs/base/log.h"
#include "emlfs/fs/filesystem.h"

namespace emlfs::app {
namespace {

// Whoever ends the daemon waits so long; systemd kills after 90 s.
constexpr Milliseconds kLongestFarewell{30'000};

AccountOptions accountOptions(const Settings& settings, const imap::Endpoint& endpoint,
                              const SignIn& sign_in) {
  const Options& options = settings.options;
  const Directories where = directories(settings.source, options);
  AccountOptions account;
  account.source = settings.source.text();
  account.session.endpoint = endpoint;
  account.session.secret = sign_in.secret;
  account.secret_from = sign_in.from;
  account.session.without = options.without;
  account.cache_dir = where.cache;
  account.state_dir = where.state;
  account.name_format = options.name_format;
  account.connections = options.connections;
  account.poll = options.poll;
  account.cache_size = options.cache_size;
  account.read_only = options.read_only;
  account.deletion = options.deletion;
  account.mailboxes = options.mailboxes;
  account.bandwidth = options.bandwidth;
  return account;
}

fs::MountOptions mountOptions(const Settings& settings, const std::string& mount_point) {
  const Options& options = settings.options;
  fs::MountOptions mount;
  mount.mount_point = mount_point;
  mount.read_only = options.read_only;
  mount.allow_other = options.allow_other;
  mount.uid = options.uid.value_or(::getuid());
  mount.gid = options.gid.value_or(::getgid());
  mount.umask = options.umask;
  mount.sync = options.sync && !options.read_only;
  mount.farewell = std::min(options.timeout, kLongestFarewell);
  return mount;
}

void openLog(const Settings& settings, bool foreground) {
  const Options& options = settings.options;
  log::setLevel(options.log_level);
  if (!options.log_file.empty())
    log::openFile(options.log_file);
  else if (!foreground)
    log::openSyslog(settings.account);
}

// Each new message that is not finished yet is an open file, and `cp` is quicker than we are.
void allowManyFiles() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log::warning("{}", systemError("the limit of open files stays", errno).what());
}

// For the user, whose mount works though the server doesn't.
std::string offlineNotice(const Error& why) {
  if (why.code == Code::auth)
    return fmt::format(
        "signing in failed ({}): mounted from the cache; 'emlfs status' says what to do",
        errorLine(why));
  return fmt::format(
      "the server can't be reached ({}): mounted from the cache; it connects by itself when the "
      "server is back",
      errorLine(why));
}

bool isRefused(const Error& error) {
  return error.code == Code::auth && error.scope == Scope::account;
}

std::unique_ptr<Account> openAccount(const AccountOptions& options) {
  try {
    return Account::open(options);
  } catch (const Error& error) {
    const auto other = error.code == Code::busy ? mountWithCache(options.cache_dir) : std::nullopt;
    if (!other) throw;
    throw Error(error.code, error.scope,
                fmt::format("{} (the account is mounted on {})", error.what(), *other));
  }
}

int serve(const AccountOptions& account_options, const fs::MountOptions& mount_options, bool typed,
          bool log_is_shown, const Ready& ready) {
  const auto account = openAccount(account_options);
  const auto offline = account->start();
  // Who has just typed a wrong password wants to type it again.
  if (offline && typed && isRefused(*offline)) throw Error(*offline);
  const auto say = [&] {
    if (!offline) return ready(log_is_shown ? "" : account->notice());  // which is logged already
    const std::string notice = offlineNotice(*offline);
    if (!log_is_shown) log::warning("{}", notice);
    ready(notice);
  };
  try {
    fs::serve(*account, mount_options, say);
  } catch (const Error& error) {
    if (error.code == Code::system) throw MountError(error.what());
    throw;
  }
  return static_cast<int>(ExitCode::ok);
}

// Only an account of the config file has a usual place.
std::string mountPointOf(const MountArguments& arguments, const Settings& settings) {
  if (!arguments.mount_point.empty()) return arguments.mount_point;
  if (settings.account.empty())
    throw badInput("MOUNTPOINT is missing: only accounts of the config file have one of their own");
  makeMountPoint(settings.options.mount_point);
  return settings.options.mount_point;
}

}  // namespace

int mountCommand(const MountArguments& arguments) {
  if (arguments.source == kAllAccounts) return mountAllCommand(arguments);
  Settings settings = resolveSettings(arguments.source, arguments.options);
  const std::string mount_point =
      prepareMountPoint(mountPointOf(arguments, settings), settings.notices);
  if (settings.options.allow_other) checkAllowOther();
  auto mount_options = mountOptions(settings, mount_point);
  // As it is said in fstab: by that mount(8) knows that it is mounted already.
  mount_options.name = arguments.source;
  printNotices(settings.notices);
  imap::Endpoint endpoint = endpointOf(settings);
  const SignIn sign_in = signIn(settings, endpoint);
  const auto account_options = accountOptions(settings, endpoint, sign_in);

  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);  // of the files that we make, not of those that we show
  const bool foreground = arguments.foreground;
  const auto work = [&](const Ready& ready) {
    openLog(settings, foreground);
    allowManyFiles();
    const bool log_is_shown = foreground && settings.options.log_file.empty();
    return serve(account_options, mount_options, sign_in.typed, log_is_shown, ready);
  };
  if (!foreground) return runInBackground(work);
  mount_options.ending = tellStopping;
  return work([&](const std::string& notice) {
    if (!notice.empty()) printNotices({notice});
    tellReady(fmt::format("{} is mounted on {}{}{}", arguments.source, mount_point,
                          notice.empty() ? "" : ": ", notice));
  });
}

}  // namespace emlfs::app
