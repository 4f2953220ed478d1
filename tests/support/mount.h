// emlfs itself, mounted on a throwaway server: the program that was built, run as a user runs it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "emlfs/base/clock.h"
#include "emlfs/base/file.h"
#include "support/dovecot.h"
#include "support/proxy.h"
#include "support/scratch_dir.h"
#include "support/unstick.h"

namespace emlfs::test {

// Cache, state, mount point and configuration are its own. Unmounted on destruction, whatever state
// it is in; what goes wrong then fails the test. Not thread-safe, but for path() and status().
class Mount {
 public:
  // With TLS. `options` are those of -o, such as "poll=1s". Throws std::runtime_error with what
  // emlfs said if it could not be mounted.
  explicit Mount(const ImapServer& server, const std::vector<std::string>& options = {});
  // Through the proxy, in plaintext and without COMPRESS, so that the proxy sees the commands.
  Mount(const ImapServer& server, const Proxy& proxy, const std::vector<std::string>& options = {});
  // Of any server, such as one that follows a script.
  Mount(const std::string& url, std::string password, const std::vector<std::string>& options);
  // Mounted by mount() alone, so that there is a Mount even if that fails.
  struct Later {};
  Mount(Later, const ImapServer& server, const std::vector<std::string>& options);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // What user.emlfs.status of the root says. Throws Error(system).
  nlohmann::json status() const;
  uint64_t bodyBytes() const { return status()["traffic"]["body_bytes"]; }
  std::string log() const;                                            // of all daemons so far
  const std::string& directory() const { return directory_.path(); }  // for what belongs to it

  // With `emlfs umount`. Throws std::runtime_error unless it succeeds, the daemon has ended by then
  // and no sanitizer complained.
  void unmount();
  void mount();  // again, with the same cache and state
  // Variables of the environment of later daemons, such as "EMLFS_FAIL_AT=7".
  void setEnvironment(std::vector<std::string> assignments);
  // Options of later mounts, behind those that it was made with.
  void setOptions(std::vector<std::string> options);
  void remount();
  void clear();  // removes cache and state; only while unmounted
  void clearCache();

  // Whether the daemon ends within `limit`, by itself.
  bool ends(Milliseconds limit) const;
  // For as long as the result lives: who waits for a daemon that has been killed is let go.
  std::unique_ptr<Unstick> unstick() const { return std::make_unique<Unstick>(daemon_, path_); }
  // SIGKILL to the daemon, if it still runs. The dead mount stays; mount() has to cope with it.
  void kill();

 private:
  void detach() noexcept;
  void checkSanitizers() const;

  ScratchDir directory_;
  const std::string path_ = directory_ / "mail";
  const std::string password_;
  const std::vector<std::string> command_;
  std::vector<std::string> environment_;
  std::vector<std::string> later_options_;
  Fd daemon_;  // a pidfd, while one runs
};

// Where the user can't mount, the tests say so and are skipped.
class MountTest : public virtual testing::Test {
 protected:
  void SetUp() override;
};

}  // namespace emlfs::test
