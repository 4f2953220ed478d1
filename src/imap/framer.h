// Cuts what the server sends into whole responses (RFC 9051 section 2.2.2 and 4.3), before anything
// parses it: the bounds are here, so that nothing behind it sees an endless line, a huge literal or
// half a response. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emlfs::imap {

struct Literal {
  size_t at = 0;        // where its '{' stands in the text
  uint64_t length = 0;  // as announced
  std::string bytes;    // what was kept of it, see Window
};

// One response without its last line end. Literals are out of line: of "BODY[] {3}\r\nabc)" the
// text is "BODY[] {3})". A '{' that no literal's `at` names is an ordinary character.
struct RawResponse {
  std::string text;
  std::vector<Literal> literals;
};

// What to keep of the literal of a body. A server that ignores the partial request sends the
// message from its first byte, and only the part that was asked for is kept.
struct Window {
  uint64_t skip = 0;  // of a literal after "BODY[] "; one after "BODY[]<n> " begins where it should
  uint64_t keep = 0;
  uint64_t most = UINT64_MAX;  // a longer one is Error(limit, connection)
};

class Framer {
 public:
  static constexpr size_t kMaxText = size_t{8} << 20;
  static constexpr size_t kMaxDepth = 100;  // of parentheses
  static constexpr size_t kMaxLiterals = 256;
  static constexpr uint64_t kMaxLiteral = uint64_t{64} << 20;  // of what is no body
  static constexpr size_t kKeptLiteral = size_t{512} << 10;    // of what is no body
  static constexpr size_t kMaxKept = size_t{24} << 20;         // of all literals of a response

  void setWindow(Window window) { window_ = window; }

  // Takes bytes, cut anywhere. Call next() until it is empty before the next feed().
  void feed(std::string_view bytes);

  // A whole response, if there is one. Throws Error(limit or protocol, connection); the framer is
  // of no use afterwards.
  std::optional<RawResponse> next();

  // What was fed and belongs to no response yet; between responses only.
  std::string takeRest();

  // Nothing is left over of what was fed.
  bool empty() const;

  // All bytes of bodies that came, and all other bytes.
  uint64_t bodyBytes() const { return body_bytes_; }
  uint64_t otherBytes() const { return other_bytes_; }

 private:
  bool endOfLine();
  void checkDepth();
  bool beginLiteral();
  void takeLiteral();

  std::string input_;
  size_t at_ = 0;  // in input_
  RawResponse response_;
  size_t line_start_ = 0;  // in the text: after the last literal
  size_t depth_ = 0;       // of open parentheses
  bool status_ = false;    // free text: parentheses and braces mean nothing
  Window window_;

  uint64_t literal_left_ = 0;
  uint64_t literal_skip_ = 0;
  uint64_t literal_keep_ = 0;
  bool literal_is_body_ = false;
  size_t kept_ = 0;

  uint64_t body_bytes_ = 0;
  uint64_t other_bytes_ = 0;
};

}  // namespace emlfs::imap
