// Finds the IMAP commands in what a client sends in plaintext. Literals, continuation lines and
// DONE are no commands; from TLS or COMPRESS on nothing can be seen. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace emlfs::test {

class CommandLog {
 public:
  // The next bytes from the client, in any pieces.
  void feed(std::string_view bytes);

  // First lines of commands with their tags, such as "a1 SELECT INBOX", in order; cleared by this.
  std::vector<std::string> take();

 private:
  void endLine();

  enum class Next { command, rest_of_command, credentials, nothing };
  Next next_ = Next::command;
  size_t literal_left_ = 0;
  std::string line_;
  std::vector<std::string> commands_;
};

}  // namespace emlfs::test
