#include "imap/framer.h"

#include <algorithm>
#include <charconv>

#include "emlfs/base/error.h"
#include "imap/text.h"

namespace emlfs::imap {
namespace {

[[noreturn]] void tooMuch(const char* what) {
  throw Error(Code::limit, Scope::connection, std::string("the server sent ") + what);
}

// A tagged or untagged status, or a continuation: what follows is text for people, in which
// "{5}" at the end is no literal.
bool isStatus(std::string_view text) {
  if (text.starts_with('+')) return true;
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return false;
  std::string_view word = text.substr(blank + 1);
  word = word.substr(0, word.find(' '));
  return equalsIgnoringCase(word, "OK") || equalsIgnoringCase(word, "NO") ||
         equalsIgnoringCase(word, "BAD") || equalsIgnoringCase(word, "BYE") ||
         equalsIgnoringCase(word, "PREAUTH");
}

// Whether `head` ends as what stands before the literal of a body: "BODY[] " (whole) or
// "BODY[]<n> " (partial).
enum class BodyHead { none, whole, partial };

BodyHead bodyHead(std::string_view head) {
  if (head.ends_with('~')) head.remove_suffix(1);
  if (!head.ends_with(' ')) return BodyHead::none;
  while (head.ends_with(' ')) head.remove_suffix(1);
  if (endsIgnoringCase(head, "BODY[]")) return BodyHead::whole;
  if (!head.ends_with('>')) return BodyHead::none;
  const size_t open = head.rfind('<');
  if (open == std::string_view::npos) return BodyHead::none;
  return endsIgnoringCase(head.substr(0, open), "BODY[]") ? BodyHead::partial : BodyHead::none;
}

}  // namespace

void Framer::feed(std::string_view bytes) {
  input_.erase(0, at_);
  at_ = 0;
  input_.append(bytes);
}

std::string Framer::takeRest() {
  std::string rest = input_.substr(at_);
  input_.clear();
  at_ = 0;
  return rest;
}

bool Framer::empty() const {
  return at_ == input_.size() && response_.text.empty() && literal_left_ == 0;
}

std::optional<RawResponse> Framer::next() {
  while (at_ < input_.size()) {
    if (literal_left_ > 0) {
      takeLiteral();
      continue;
    }
    const size_t end = input_.find('\n', at_);
    const size_t count = (end == std::string::npos ? input_.size() : end) - at_;
    if (response_.text.size() + count > kMaxText) tooMuch("an endless line");
    response_.text.append(input_, at_, count);
    other_bytes_ += count;
    at_ += count;
    if (end == std::string::npos) break;
    ++at_;
    ++other_bytes_;
    if (endOfLine()) {
      RawResponse whole = std::move(response_);
      response_ = {};
      line_start_ = 0;
      kept_ = 0;
      depth_ = 0;
      return whole;
    }
  }
  return std::nullopt;
}

// True if the response is whole; false if a literal follows.
bool Framer::endOfLine() {
  if (response_.text.size() > line_start_ && response_.text.back() == '\r') {
    response_.text.pop_back();
  }
  if (response_.literals.empty()) status_ = isStatus(response_.text);
  if (status_) return true;
  checkDepth();
  return !beginLiteral();
}

void Framer::checkDepth() {
  bool quoted = false;
  const std::string& text = response_.text;
  for (size_t i = line_start_; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '(') {
      if (++depth_ > kMaxDepth) tooMuch("parentheses nested without end");
    } else if (!quoted && c == ')' && depth_ > 0) {
      --depth_;
    }
  }
}

// A "{n}" at the end of a line is a literal even within an open quoted string, since those can't
// span lines: some servers forget to escape a quote.
bool Framer::beginLiteral() {
  std::string_view line = std::string_view(response_.text).substr(line_start_);
  if (!line.ends_with('}')) return false;
  const size_t open = line.rfind('{');
  if (open == std::string_view::npos) return false;
  std::string_view number = line.substr(open + 1, line.size() - open - 2);
  if (number.ends_with('+')) number.remove_suffix(1);
  if (number.empty() || !std::all_of(number.begin(), number.end(), isDigit)) return false;

  Literal literal;
  literal.at = line_start_ + open;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), literal.length);
  if (parsed.ec != std::errc() || literal.length > (uint64_t{1} << 62)) {
    tooMuch("a literal of impossible length");
  }
  if (response_.literals.size() >= kMaxLiterals) tooMuch("too many literals in one response");

  const BodyHead head = bodyHead(std::string_view(response_.text).substr(0, literal.at));
  literal_is_body_ = head != BodyHead::none;
  if (literal.length > (literal_is_body_ ? window_.most : kMaxLiteral))
    tooMuch("a literal that is too long");
  literal_left_ = literal.length;
  literal_skip_ = head == BodyHead::whole ? window_.skip : 0;
  literal_keep_ = literal_is_body_ ? window_.keep : kKeptLiteral;
  response_.literals.push_back(std::move(literal));
  line_start_ = response_.text.size();
  return true;
}

void Framer::takeLiteral() {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(literal_left_, input_.size() - at_));
  const size_t skip = static_cast<size_t>(std::min<uint64_t>(literal_skip_, count));
  const size_t keep = static_cast<size_t>(std::min<uint64_t>(literal_keep_, count - skip));
  kept_ += keep;
  if (kept_ > kMaxKept) tooMuch("more in one response than fits into memory");
  response_.literals.back().bytes.append(input_, at_ + skip, keep);
  literal_skip_ -= skip;
  literal_keep_ -= keep;
  literal_left_ -= count;
  at_ += count;
  (literal_is_body_ ? body_bytes_ : other_bytes_) += count;
}

}  // namespace emlfs::imap
