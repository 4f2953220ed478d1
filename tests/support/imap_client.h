// Another mail program, for the tests: one plaintext connection to a throwaway server, kept, so
// that it can change much in a second. Not thread-safe. Everything throws std::runtime_error when
// the server goes or keeps silent for half a minute.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/file.h"
#include "emlfs/mail/ids.h"
#include "support/imap_server.h"

namespace emlfs::test {

class ImapClient {
 public:
  explicit ImapClient(const ImapServer& server);  // logs in

  struct Answer {
    bool ok = false;
    std::string text;                   // behind the tag, such as "NO [NONEXISTENT] ..."
    std::vector<std::string> untagged;  // whole lines, with the literals that are in them
  };
  // BAD throws, as what is wrong with the test.
  Answer command(const std::string& text);
  // ... and so does NO.
  Answer expectOk(const std::string& text);
  // `flags` as they go between the brackets, `date` as IMAP writes it, now without one.
  Answer append(const std::string& mailbox, const std::string& flags, std::string_view message,
                const std::string& date = {});

  // As the server calls them; `also_levels`: with those that can't hold messages.
  std::vector<std::string> mailboxes(bool also_levels = false);

  // UID SEARCH in the selected mailbox.
  std::vector<Uid> search(const std::string& criteria);

 private:
  Answer exchange(const std::string& tag);
  void send(std::string_view bytes);
  std::string readLine();
  std::string readResponse();  // a line and its literals
  void fill();
  std::string newTag();

  Fd socket_;
  std::string buffer_;
  unsigned tags_ = 0;
};

}  // namespace emlfs::test
