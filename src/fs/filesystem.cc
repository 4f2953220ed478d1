#include "emlfs/fs/filesystem.h"

#include <fuse_lowlevel.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <utility>

#include "emlfs/account/changes.h"
#include "emlfs/base/log.h"
#include "emlfs/base/mutex.h"
#include "fs/attributes.h"
#include "fs/changes.h"
#include "fs/context.h"
#include "fs/draft_files.h"
#include "fs/farewell.h"
#include "fs/invalidator.h"
#include "fs/lookup.h"
#include "fs/mailboxes.h"
#include "fs/push_ahead.h"
#include "fs/read.h"
#include "fs/readdir.h"
#include "fs/xattr.h"

namespace emlfs::fs {
namespace {

// What fuse.md measured: without OPEN, OPENDIR and FLUSH the kernel serves what it has cached with
// no request at all. ENOSYS once means never again.
void open(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info* /*info*/) {
  fuse_reply_err(request, ENOSYS);
}
void flush(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info* /*info*/) {
  fuse_reply_err(request, ENOSYS);
}
void access(fuse_req_t request, fuse_ino_t /*node*/, int /*mask*/) {
  fuse_reply_err(request, ENOSYS);
}
void lseek(fuse_req_t request, fuse_ino_t /*node*/, off_t /*offset*/, int /*whence*/,
           fuse_file_info* /*info*/) {
  fuse_reply_err(request, ENOSYS);
}

// Nothing is counted: a local id stays valid whether the kernel remembers it or not. But a file
// without a name ends here.
void forget(fuse_req_t request, fuse_ino_t node, uint64_t /*count*/) {
  auto* const changes = contextOf(request).account.changes();
  if (changes != nullptr && !isDirectory(node)) changes->forgotten(MessageId{node});
  fuse_reply_none(request);
}
void forgetMulti(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  auto* const changes = contextOf(request).account.changes();
  if (changes != nullptr)
    for (size_t i = 0; i < count; ++i)
      if (!isDirectory(forgets[i].ino)) changes->forgotten(MessageId{forgets[i].ino});
  fuse_reply_none(request);
}

void init(void* /*userdata*/, fuse_conn_info* connection) {
  const auto set = [&](unsigned capability, bool wanted) {
    connection->want &= ~capability;
    if (wanted) connection->want |= connection->capable & capability;
  };
  set(FUSE_CAP_READDIRPLUS, true);
  set(FUSE_CAP_READDIRPLUS_AUTO, false);
  // Not by attributes: a program would be given the corrected size of a message while it reads as
  // many bytes as it was told before, and take them for the whole.
  set(FUSE_CAP_AUTO_INVAL_DATA, false);
  set(FUSE_CAP_EXPLICIT_INVAL_DATA, true);
  set(FUSE_CAP_ATOMIC_O_TRUNC, false);
  set(FUSE_CAP_PARALLEL_DIROPS, true);
  // Of an asynchronous read past the page cache the kernel would not tell that it was interrupted.
  set(FUSE_CAP_ASYNC_DIO, false);
  set(FUSE_CAP_SPLICE_READ, false);
  set(FUSE_CAP_SPLICE_WRITE, false);
  set(FUSE_CAP_SPLICE_MOVE, false);
  connection->max_background = 256;
  connection->congestion_threshold = 192;
}

// A handler that is counted.
template <Requests::Operation operation, auto handler>
struct Counted;
template <Requests::Operation operation, class... Args, void (*handler)(fuse_req_t, Args...)>
struct Counted<operation, handler> {
  static void call(fuse_req_t request, Args... args) {
    contextOf(request).requests.count(operation);
    handler(request, args...);
  }
};

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops ops{};
  ops.init = init;
  ops.lookup = Counted<Requests::lookup, lookup>::call;
  ops.forget = forget;
  ops.forget_multi = forgetMulti;
  ops.getattr = Counted<Requests::getattr, getattr>::call;
  ops.open = open;
  ops.opendir = open;
  ops.flush = flush;
  ops.access = access;
  ops.lseek = lseek;
  ops.read = Counted<Requests::read, read>::call;
  ops.readdir = Counted<Requests::readdir, readdir>::call;
  ops.readdirplus = Counted<Requests::readdir, readdirplus>::call;
  ops.statfs = Counted<Requests::statfs, statfs>::call;
  ops.getxattr = Counted<Requests::getxattr, getxattr>::call;
  ops.create = Counted<Requests::create, create>::call;
  ops.mknod = Counted<Requests::create, mknod>::call;
  ops.write = Counted<Requests::write, write>::call;
  ops.setattr = Counted<Requests::setattr, setattr>::call;
  ops.fsync = Counted<Requests::fsync, fsync>::call;
  ops.rename = Counted<Requests::rename, rename>::call;
  ops.mkdir = Counted<Requests::mkdir, mkdir>::call;
  ops.rmdir = Counted<Requests::rmdir, rmdir>::call;
  ops.unlink = Counted<Requests::unlink, unlink>::call;
  ops.setxattr = Counted<Requests::setxattr, setxattr>::call;
  ops.removexattr = removexattr;
  ops.link = link;
  ops.symlink = symlink;
  ops.fsyncdir = Counted<Requests::fsyncdir, fsyncdir>::call;
  ops.listxattr = Counted<Requests::listxattr, listxattr>::call;
  return ops;
}

// A comma would end the option's value.
std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string mountOptions(const MountOptions& options) {
  // Read-only: the kernel then answers every change with EROFS.
  std::string text = options.read_only ? "ro" : "rw";
  text += ",nosuid,nodev,noexec,default_permissions,subtype=emlfs,fsname=" + escaped(options.name);
  if (options.allow_other) text += ",allow_other";
  return text;
}

// What libfuse last complained of: it prints, and returns no more than -1.
std::string& lastComplaint() {
  static std::string text;
  return text;
}

void complain(fuse_log_level level, const char* format, va_list arguments) {
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string text(line.data());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (level > FUSE_LOG_WARNING) {
    log::debug("{}", text);
    return;
  }
  static Mutex mutex;
  const MutexLock lock(mutex);
  lastComplaint() = text;
  log::warning("{}", text);
}

const char* advice() {
  return lastComplaint().find("/dev/fuse: Permission denied") == std::string::npos
             ? ""
             : " (ordinary users may not use FUSE on this machine: its administrator would have to "
               "allow it with chmod 666 /dev/fuse)";
}

using Session = std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)>;

Session newSession(Context& context) {
  const std::string options = mountOptions(context.options);
  std::array<std::string, 3> words{"emlfs", "-o", options};
  std::array<char*, 3> argv{words[0].data(), words[1].data(), words[2].data()};
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(argv.size()), argv.data());
  static const fuse_lowlevel_ops ops = operations();
  Session session(fuse_session_new(&args, &ops, sizeof ops, &context), fuse_session_destroy);
  fuse_opt_free_args(&args);
  if (!session) throw Error(Code::system, Scope::account, "libfuse refused the mount options");
  return session;
}

void loop(fuse_session* session) {
  const std::unique_ptr<fuse_loop_config, decltype(&fuse_loop_cfg_destroy)> config(
      fuse_loop_cfg_create(), fuse_loop_cfg_destroy);
  fuse_loop_cfg_set_clone_fd(config.get(), 0);
  const int result = fuse_session_loop_mt(session, config.get());
  if (result < 0) throw systemError("the connection to the kernel failed", -result);
}

}  // namespace

void serve(Account& account, const MountOptions& options, const std::function<void()>& ready) {
  Context context{account, options, {}};
  std::unique_ptr<Closings> closings;  // outlives the session, see there
  fuse_set_log_func(complain);
  const Session session = newSession(context);
  if (fuse_session_mount(session.get(), options.mount_point.c_str()) != 0)
    throw Error(Code::system, Scope::account,
                "can't mount on " + options.mount_point + ": " + lastComplaint() + advice());
  Invalidator invalidator(session.get());
  context.invalidator = &invalidator;
  Mending mending(account, session.get());
  if (account.changes() != nullptr) {
    closings = std::make_unique<Closings>(account, options.mount_point);
    context.closings = closings.get();
    context.mending = &mending;
  }
  PushAhead push_ahead(account, session.get());
  account.setWalkListener([&](const WalkNews& news) { push_ahead.add(news); });
  account.setListener([&](const sync::TreeChange& change) { invalidator.push(change); });
  std::exception_ptr failure;
  try {
    bool ending = false;
    const auto begin_end = [&] {
      if (!std::exchange(ending, true) && options.ending) options.ending();
    };
    const auto settle = [&] {
      begin_end();
      if (closings) closings->drain();
    };
    const auto exit = [&] {
      begin_end();
      push_ahead.stop();  // while the READ that it may wait for is still answered
      fuse_session_exit(session.get());
    };
    Farewell farewell(account, options.farewell, settle, exit);
    ready();
    loop(session.get());
    farewell.unmounted();
  } catch (...) {
    failure = std::current_exception();
  }
  if (closings) {
    closings->drain();
    closings->stop();
  }
  // Requests that still wait are answered by stop(); then nobody uses the session any more.
  account.stop();
  fuse_session_unmount(session.get());
  push_ahead.stop();
  invalidator.stop();
  mending.stop();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace emlfs::fs
