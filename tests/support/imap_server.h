// A throwaway IMAP server for tests (tests/support/dovecot, courier, cyrus): started on
// construction, ended on destruction, and changed as another client changes it, over IMAP. Not
// thread-safe, but any number can run at once.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/scratch_dir.h"

namespace emlfs::test {

class ImapServer {
 public:
  enum class Kind { dovecot, courier, cyrus };

  // This user can't run it on this machine; the words say why.
  struct CannotRun : std::runtime_error {
    using std::runtime_error::runtime_error;
  };

  // `options` are those of the script. With `mail`, the path of a Maildir such as sampleMail()
  // gives, the server starts with a copy of it (Cyrus refuses a few odd messages). Throws
  // CannotRun, and std::runtime_error with the server's log if it doesn't start.
  explicit ImapServer(Kind kind, const std::vector<std::string>& options = {},
                      const std::string& mail = {});
  virtual ~ImapServer();
  ImapServer(const ImapServer&) = delete;
  ImapServer& operator=(const ImapServer&) = delete;

  const std::string& host() const { return setting("address"); }  // the certificate has it
  uint16_t imapPort() const { return port("imap"); }              // plaintext and STARTTLS
  uint16_t imapsPort() const { return port("imaps"); }
  const std::string& user() const { return setting("user"); }
  const std::string& password() const { return setting("password"); }
  const std::string& caFile() const { return setting("ca_file"); }
  std::string log() const;

  // What the server calls a mailbox that is a path elsewhere: "INBOX.Lists.lkml" for "Lists/lkml".
  std::string wireName(const std::string& path) const;
  std::string pathOf(const std::string& wire_name) const;  // the other way

  void stop();     // clients are disconnected
  void kill();     // a crash
  void restart();  // on the same ports, with the same mail

  // What another client does. Mailboxes are paths ("Lists/lkml"), `uids` are a set ("1:3,7"). Each
  // throws std::runtime_error if the server doesn't do it.
  virtual void deliver(const std::string& mailbox,
                       std::string_view message) const;  // made if missing
  void changeFlags(const std::string& mailbox, const std::string& uids,
                   const std::string& change) const;  // "+\\Flagged $Work" or "-\\Seen"
  void expunge(const std::string& mailbox, const std::string& uids) const;
  void move(const std::string& mailbox, const std::string& uids, const std::string& to) const;
  void createMailbox(const std::string& mailbox) const;
  void renameMailbox(const std::string& mailbox, const std::string& to) const;
  void deleteMailbox(const std::string& mailbox) const;

 protected:
  const std::string& setting(const std::string& name) const;
  uint16_t port(const std::string& name) const;

 private:
  void act(const std::vector<std::string>& action, std::string_view input = {}) const;
  void end(const std::vector<std::string>& how);

  const std::string script_;
  ScratchDir directory_;
  std::map<std::string, std::string> settings_;
  bool running_ = false;
};

// Also how tests of one kind are named.
std::string nameOf(ImapServer::Kind kind);
void PrintTo(ImapServer::Kind kind, std::ostream* out);

}  // namespace emlfs::test
