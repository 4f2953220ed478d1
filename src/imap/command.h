// Every command that goes on the wire is made here, so that no argument can end a line and begin a
// command of its own. CR, LF and NUL are refused everywhere with Error(invalid, mailbox).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/secret.h"
#include "emlfs/mail/message.h"

namespace emlfs::imap {

// What a server with LITERAL+ or LITERAL- (RFC 7888) saves: the wait for "+".
enum class LiteralMode { synchronizing, plus, minus };

class Command {
 public:
  explicit Command(std::string_view verb, LiteralMode literals = LiteralMode::synchronizing);
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  ~Command();  // wipes, since it may hold a password

  // Syntax of ours and numbers: printable ASCII, after a blank.
  Command& syntax(std::string_view text);
  // Any bytes but CR, LF and NUL, after a blank: quoted where that can be, else a literal.
  Command& string(std::string_view bytes);
  // A parenthesised list of such, after a blank.
  Command& strings(const std::vector<std::string>& list);
  // The same of flags, checked: Error(invalid, message) for one that is no atom.
  Command& flags(const Flags& flags);
  // A literal whose bytes are asked for when they are sent, see NewMessage::read. Below 100 kB it
  // goes without waiting, where the server takes that.
  using Source = std::function<size_t(uint64_t offset, std::span<char> into)>;
  Command& upload(uint64_t size, Source source);
  // A line of its own that the server asks for with "+": AUTHENTICATE without SASL-IR.
  Command& answer(std::string_view text);

  const std::string& verb() const { return verb_; }
  // An upload stands in `piece`, before its byte `at`.
  struct Upload {
    size_t piece = 0;
    size_t at = 0;
    uint64_t size = 0;
    Source source;
  };
  const std::vector<Upload>& uploads() const { return uploads_; }
  // The bytes to send, the first piece at once and each other one after a "+". The caller sends the
  // tag and a blank before and CRLF after all of it.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  void append(std::string_view text);
  void appendString(std::string_view bytes);
  void beginLiteral(uint64_t size, bool waits);

  std::string verb_;
  LiteralMode literals_;
  std::vector<std::string> pieces_;
  std::vector<Upload> uploads_;
  uint64_t unasked_ = 0;  // bytes of uploads since the server was last waited for
};

}  // namespace emlfs::imap
