// Whatever is wrong: the right exit code, one clear line on standard error, and nothing mounted.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>

#include "emlfs/base/file.h"
#include "support/dovecot.h"
#include "support/mount.h"
#include "support/sandbox.h"
#include "support/sockets.h"

namespace emlfs::test {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

enum Exit { kOk = 0, kUsage = 2, kNetwork = 3, kTls = 4, kAuth = 5, kBusy = 6 };

std::string urlOf(const Dovecot& server, const char* scheme, uint16_t port) {
  return fmt::format("{}://{}@{}:{}", scheme, server.user(), server.host(), port);
}
std::string imaps(const Dovecot& server) {
  return urlOf(server, "imaps", server.imapsPort());
}

void write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
  ASSERT_EQ(::chmod(path.c_str(), mode), 0);
}

struct Attempt {
  std::string source;
  std::vector<std::string> options;             // of -o
  std::optional<std::string> mount_point = {};  // empty: left out
  std::optional<std::string> password = {};     // absent: the right one
};

class BadInput : public MountTest {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<Dovecot>(); }
  static void TearDownTestSuite() { server_.reset(); }

  static const Dovecot& server() { return *server_; }
  static std::string trust() { return "ca_file=" + server_->caFile(); }

  ProcessResult mount(const Attempt& attempt) const {
    std::vector<std::string> arguments{"mount", attempt.source};
    const auto mount_point = attempt.mount_point.value_or(box_.mountPoint());
    if (!mount_point.empty()) arguments.push_back(mount_point);
    for (const auto& option : attempt.options) arguments.insert(arguments.end(), {"-o", option});
    return box_.emlfs(arguments, attempt.password.value_or(server_->password()));
  }

  // Gives the line.
  std::string refused(const Attempt& attempt, int status, const std::string& phrase) const {
    SCOPED_TRACE(fmt::format("{} -o {}", attempt.source, fmt::join(attempt.options, ",")));
    const auto before = mountsBelow(box_.path());
    const auto result = mount(attempt);
    EXPECT_EQ(result.status, status) << result.errors;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(result.errors, StartsWith("emlfs: "));
    EXPECT_THAT(result.errors, EndsWith("\n"));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(phrase));
    EXPECT_EQ(result.errors.find(server_->password()), std::string::npos) << result.errors;
    EXPECT_EQ(mountsBelow(box_.path()), before);
    return result.errors;
  }

  void mounts(const Attempt& attempt) const {
    const auto result = mount(attempt);
    EXPECT_EQ(result.status, kOk) << result.errors;
    EXPECT_EQ(result.errors, "");
    const auto end = box_.emlfs({"umount", box_.mountPoint()});
    EXPECT_EQ(end.status, kOk) << end.errors;
  }

  const Sandbox box_;

 private:
  static std::unique_ptr<Dovecot> server_;
};

std::unique_ptr<Dovecot> BadInput::server_;

TEST_F(BadInput, NothingIsWrongWithTheRest) {
  mounts({imaps(server()), {trust()}});
  mounts({urlOf(server(), "imap", server().imapPort()), {trust()}});
}

TEST_F(BadInput, OfPasswords) {
  const std::string source = imaps(server());
  const std::string secret = box_ / "secret";
  refused({source, {trust()}, {}, "wrong"}, kAuth, "refused the user name or password of tester");
  refused({source, {trust()}, {}, ""}, kAuth, "no password for tester at 127.0.0.1");
  refused({source, {trust(), "password_command=exit 3"}}, kAuth,
          "password_command failed: exit status 3");
  refused({source, {trust(), "password_command=kill -9 $$"}}, kAuth,
          "password_command failed: signal 9");
  refused({source, {trust(), "password_command=true"}}, kAuth,
          "password_command printed no password");
  refused({source, {trust(), "password_file=" + secret}}, kUsage, "secret does not exist");
  write(secret, "secret pass\n", 0644);
  refused({source, {trust(), "password_file=" + secret}}, kUsage, "chmod 600 " + secret);
  write(secret, "\n");
  refused({source, {trust(), "password_file=" + secret}}, kUsage, "first line is empty");
  write(secret, "secret pass\n");
  mounts({source, {trust(), "password_file=" + secret}, {}, ""});
}

TEST_F(BadInput, OfServers) {
  refused({"imaps://alice@no-such-host.invalid", {}}, kNetwork, "no-such-host.invalid");
  const Fd closed = boundSocket("127.0.0.1", 0);  // nobody listens
  const auto nobody = fmt::format("127.0.0.1:{}", portOf(closed));
  refused({"imaps://alice@" + nobody, {}}, kNetwork, "refused");
  refused({urlOf(server(), "imaps", server().imapPort()), {trust()}}, kTls, "TLS");
  refused({urlOf(server(), "imap", server().imapsPort()), {trust(), "timeout=3s"}}, kNetwork,
          "imaps://");
  const Dovecot without_tls({"--ssl", "no"});
  refused({urlOf(without_tls, "imap", without_tls.imapPort()), {}}, kTls, "STARTTLS");
}

// The option that the line advises.
std::string advised(const std::string& line) {
  static const std::regex kPin("tls_fingerprint=[0-9A-Fa-f:]+");
  std::smatch match;
  EXPECT_TRUE(std::regex_search(line, match, kPin)) << line;
  return match.str();
}

TEST_F(BadInput, OfCertificates) {
  const auto unknown = refused({imaps(server()), {}}, kTls, "an authority that is not trusted");
  EXPECT_THAT(unknown, HasSubstr("-o ca_file=FILE"));
  mounts({imaps(server()), {advised(unknown)}});
  auto wrong = advised(unknown);
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  const auto other = refused({imaps(server()), {wrong}}, kTls, "not the one that tls_fingerprint");
  EXPECT_EQ(advised(other), advised(unknown));
  refused({imaps(server()), {"ca_file=" + (box_ / "missing.pem")}}, kUsage, "missing.pem");
  write(box_ / "empty.pem", "nothing\n");
  refused({imaps(server()), {"ca_file=" + (box_ / "empty.pem")}}, kUsage, "empty.pem");
  {
    const Dovecot expired({"--certificate", "expired"});
    refused({imaps(expired), {"ca_file=" + expired.caFile()}}, kTls, "has expired on");
  }
  {
    const Dovecot elsewhere({"--certificate", "wrong-host"});
    refused({imaps(elsewhere), {"ca_file=" + elsewhere.caFile()}}, kTls,
            "is for another host: use one of its names (mail.invalid)");
  }
  const Dovecot alone({"--certificate", "self-signed"});
  const auto line = refused({imaps(alone), {"ca_file=" + alone.caFile()}}, kTls, "is self-signed");
  mounts({imaps(alone), {advised(line)}});
}

TEST_F(BadInput, OfMountPoints) {
  const std::string source = imaps(server());
  refused({source, {trust()}, box_ / "none"}, kUsage, "'mkdir " + (box_ / "none") + "' first");
  write(box_ / "file", "");
  refused({source, {trust()}, box_ / "file"}, kUsage, "is not a directory");
  refused({source, {trust()}, box_ / "file/below"}, kUsage, "file/below");
  write(box_ / "full/something", "");
  refused({source, {trust()}, box_ / "full"}, kBusy, "is not empty");
  refused({source, {trust()}, "/proc"}, kBusy, "already has a proc file system mounted");

  ASSERT_EQ(mount({source, {trust()}}).status, kOk);
  refused({source, {trust()}}, kBusy, "'emlfs umount " + box_.mountPoint() + "' first");
  fs::create_directory(box_ / "second");
  refused({source, {trust()}, box_ / "second"}, kBusy,
          "(the account is mounted on " + box_.mountPoint() + ")");
  EXPECT_EQ(box_.emlfs({"umount", box_.mountPoint()}).status, kOk);
}

TEST_F(BadInput, OfOptions) {
  const std::string source = imaps(server());
  refused({source, {"tiemout=3s"}}, kUsage, "unknown option 'tiemout': did you mean 'timeout'?");
  refused({source, {"password=secret pass"}}, kUsage, "password_command or password_file");
  refused({source, {"ca_file"}}, kUsage, "option ca_file needs a value");
  refused({source, {"=3"}}, kUsage, "without a name");
  for (const char* bad :
       {"timeout=soon", "timeout=0", "timeout=-1s", "poll=1ms", "connections=0", "connections=65",
        "connections=x", "umask=888", "umask=7777", "uid=no-such-user", "gid=no-such-group",
        "log_level=loud", "plaintext=perhaps", "allow_other=2", "tls_fingerprint=12:34",
        "name_format={colour}", "without=A B"})
    refused({source, {bad}}, kUsage, fmt::format("option {}", std::string(bad, 0, 3)));
  refused({source, {"cache_dir=/tmp/x,state_dir=/tmp/x"}}, kUsage, "must differ");
  refused({source, {"cache_dir=/dev/null/x", trust()}}, 1, "/dev/null");
}

TEST_F(BadInput, OfSources) {
  const struct {
    const char* source;
    const char* phrase;
  } kTable[] = {
      {"", "malformed source"},
      {"imaps://", "no user in the source"},
      {"imaps://host.invalid", "no user in the source"},
      {"imaps://@host.invalid", "no user in the source"},
      {"imaps://alice@", "no host in the source"},
      {"imaps://alice@host.invalid:0", "'0' is not a port"},
      {"imaps://alice@host.invalid:65536", "'65536' is not a port"},
      {"imaps://alice@host.invalid:", "is not a port"},
      {"imaps://alice@host invalid", "is not a host name"},
      {"imaps://alice@::1", "brackets"},
      {"imaps://alice@[::1", "']'"},
      {"imaps://alice@host.invalid/INBOX", "nothing may follow the host"},
      {"imaps://al%zz@host.invalid", "%25"},
      {"imaps://al%0Aice@host.invalid", "control characters"},
      {"imaps:/alice@host.invalid", "malformed source"},
      {"pop3://alice@host.invalid", "'pop3://' is not known"},
      {"alice@host.invalid", "malformed source"},
      {"nobody", "no account 'nobody'"},
  };
  for (const auto& [source, phrase] : kTable) refused({source, {}}, kUsage, phrase);

  const auto line =
      refused({"imaps://alice:hunter2@host.invalid", {}}, kUsage, "password doesn't belong");
  EXPECT_EQ(line.find("hunter2"), std::string::npos) << line;
}

TEST_F(BadInput, OfConfiguration) {
  const std::string config = box_ / "config/emlfs/config.toml";
  const std::string source = imaps(server());
  const auto with = [&](const std::string& text) { write(config, text); };
  with("[account.work]\nsource = \"imaps://alice@host.invalid\"\n");
  refused({"wrok", {}}, kUsage, "no account 'wrok' in " + config + ": did you mean 'work'?");
  with("timeout = \n");
  refused({source, {trust()}}, kUsage, config + ":1: ");
  with("\ntiemout = \"3s\"\n");
  refused({source, {trust()}}, kUsage,
          config + ":2: unknown option 'tiemout': did you mean 'timeout'?");
  with("timeout = 3.5\n");
  refused({source, {trust()}}, kUsage, "'timeout' must be a string");
  with("[account.work]\ntimeout = \"3s\"\n");
  refused({"work", {}}, kUsage, "account 'work' has no source");
  with("[account.work]\nsource = \"imaps://alice:secret pass@host.invalid\"\n");
  refused({"work", {}}, kUsage, config + ":2: a password doesn't belong");
  with("[acount.work]\n");
  refused({"work", {}}, kUsage, "unknown table 'acount'");
  fs::remove(config);
  fs::create_directory(config);
  refused({source, {trust()}}, kUsage, config);
}

TEST_F(BadInput, OfAccounts) {
  const std::string config = box_ / "config/emlfs/config.toml";
  const auto account = [](const std::string& name, const std::string& more = {}) {
    return "[account." + name + "]\nsource = \"imaps://" + name + "@host.invalid\"\n" + more;
  };
  write(config, account("work", "password = \"secret pass\"\n"), 0644);
  refused({"work", {}}, kUsage, "holds a password and is open to other users: chmod 600 " + config);
  write(config, account("work"), 0666);
  refused({"work", {}}, kUsage,
          "can be changed by other users, and emlfs runs what it says: chmod go-w");
  write(config, "password = \"secret pass\"\n" + account("work"));
  refused({"work", {}}, kUsage, config + ":1: a password belongs into an account's table");
  write(config, account("work", "conections = 3\n"));
  refused({"all", {}}, kUsage,
          config + ":3: unknown option 'conections': did you mean 'connections'?");
  write(config, account("work", "mailboxes = \"!\"\n"));
  refused({"work", {}}, kUsage, config + ":3: option mailboxes: ");
  write(config, account("all"));
  refused({"all", {}}, kUsage, config + ":1: 'all' can't be the name of an account");
  write(config, "");
  refused({"all", {}}, kUsage, "has no account");
  write(config, account("a", "mount_point = \"/m\"\n") + account("b", "mount_point = \"/m\"\n"));
  refused({"all", {}, ""}, kUsage,
          "accounts 'a' and 'b' have one mount_point, and each needs its own: /m");
  write(config, account("a", "cache_dir = \"/c\"\n") + account("b", "cache_dir = \"/c\"\n"));
  refused({"all", {}}, kUsage,
          "accounts 'a' and 'b' have one cache_dir, and each needs its own: /c");
  write(config, account("work", "mount_point = \"/dev/null/x\"\n"));
  refused({"work", {}, ""}, kUsage, "can't make the mount point /dev/null/x");
  refused({"imaps://alice@host.invalid", {}, ""}, kUsage, "MOUNTPOINT is missing");
  refused({"work", {"mount_point=/x"}}, kUsage, "on the command line MOUNTPOINT says it");
  refused({"work", {"bandwidth=1B/s"}}, kUsage,
          "option bandwidth: '1B/s' is not a rate of at least");
  refused({"work", {"auth=kerberos"}}, kUsage, "option auth: 'kerberos' is not password, oauth2");
}

TEST_F(BadInput, OfSignIn) {
  const std::string source = imaps(server());
  const auto with = [&](std::vector<std::string> options) {
    options.push_back(trust());
    return Attempt{source, std::move(options)};
  };
  refused(with({"auth=oauth2"}), kUsage, "auth=oauth2 needs token_command");
  refused(with({"token_command=true"}), kUsage, "token_command needs auth=oauth2");
  refused(with({"auth=external"}), kUsage, "auth=external needs client_cert");
  refused(with({"client_key=/x"}), kUsage, "client_key needs client_cert");
  refused(with({"auth=oauth2", "token_command=exit 3"}), kAuth,
          "token_command failed: exit status 3");
  refused(with({"auth=oauth2", "token_command=true"}), kAuth, "token_command printed no token");
  refused(with({"auth=oauth2", "token_command=echo ya29.good"}), kAuth,
          "the server offers no OAUTHBEARER and no XOAUTH2 to sign in with");
  const Dovecot tokens({"--oauth2", "http://127.0.0.1:9/"});
  refused(
      {imaps(tokens), {"auth=oauth2", "token_command=echo no token", "ca_file=" + tokens.caFile()}},
      kAuth, "what token_command prints is no token");

  const std::string key = box_ / "key.pem";
  const std::string other = box_ / "other.pem";
  const std::string locked = box_ / "locked.pem";
  const std::string certificate = box_ / "cert.pem";
  for (const auto& path : {key, other})
    runOrThrow({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path});
  runOrThrow({"openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked});
  runOrThrow({"openssl", "req", "-x509", "-new", "-key", key, "-subj", "/CN=tester", "-days", "9",
              "-out", certificate});
  for (const auto& path : {key, other, locked}) ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  refused(with({"client_cert=" + box_ / "none.pem"}), kUsage, "none.pem");
  refused(with({"client_cert=" + key}), kUsage, "holds no certificate in PEM form");
  refused(with({"client_cert=" + certificate, "client_key=" + other}), kUsage,
          "is not the key of client_cert");
  refused(with({"client_cert=" + certificate, "client_key=" + locked}), kUsage,
          "has a passphrase, which emlfs doesn't ask for");
  ASSERT_EQ(::chmod(key.c_str(), 0640), 0);
  refused(with({"client_cert=" + certificate, "client_key=" + key}), kUsage, "chmod 600 " + key);
}

TEST_F(BadInput, OfCommandLines) {
  const struct {
    std::vector<std::string> arguments;
    const char* phrase;
  } kTable[] = {
      {{}, "subcommand"},
      {{"mount"}, "SOURCE"},
      {{"mount", "imaps://alice@host.invalid"}, "MOUNTPOINT"},
      {{"mont", "x", "y"}, "did you mean 'mount'?"},
      {{"umount"}, "MOUNTPOINT"},
      {{"umount", box_ / "none"}, "does not exist"},
      {{"umount", box_.mountPoint()}, "is not a mount point of emlfs"},
      {{"umount", "/proc"}, "proc is mounted there"},
      {{"status", box_ / "none"}, "does not exist"},
      {{"status", box_.mountPoint()}, "is not a mount point of emlfs"},
      {{"status", box_.mountPoint(), "--jsno"}, "--jsno"},
  };
  for (const auto& [arguments, phrase] : kTable) {
    const auto result = box_.emlfs(arguments);
    EXPECT_EQ(result.status, kUsage) << result.errors;
    EXPECT_THAT(result.errors, StartsWith("emlfs: "));
    EXPECT_THAT(result.errors, HasSubstr(phrase));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
  }
}

// A host that is misspelt must not keep the right one from its own directories.
TEST_F(BadInput, WhatCouldNotBeMountedClaimsNoDirectory) {
  const std::vector<std::string> options{trust(), "cache_dir=" + box_ / "own/cache",
                                         "state_dir=" + box_ / "own/state"};
  const std::string misspelt = fmt::format("imaps://{}@misspelt.invalid", server().user());
  refused({misspelt, options}, kNetwork, "misspelt.invalid");
  mounts({imaps(server()), options});
  refused({misspelt, options}, kUsage, "belongs to");
}

}  // namespace
}  // namespace emlfs::test
