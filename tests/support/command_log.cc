#include "support/command_log.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace emlfs::test {
namespace {

constexpr char kTlsHandshake = 0x16;

// n of a line that ends in {n} or {n+}.
std::optional<size_t> literalAtEnd(std::string_view line) {
  const size_t open = line.rfind('{');
  if (open == line.npos || !line.ends_with('}')) return {};
  const std::string_view digits = line.substr(open + 1);
  size_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const std::string_view rest = digits.substr(static_cast<size_t>(end - digits.data()));
  if (error != std::errc() || (rest != "}" && rest != "+}")) return {};
  return length;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

}  // namespace

void CommandLog::feed(std::string_view bytes) {
  while (!bytes.empty() && next_ != Next::nothing) {
    if (literal_left_ > 0) {
      const size_t skipped = std::min(literal_left_, bytes.size());
      literal_left_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    if (line_.empty() && next_ == Next::command && bytes.front() == kTlsHandshake) {
      next_ = Next::nothing;
      return;
    }
    const size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    endLine();
    line_.clear();
  }
}

void CommandLog::endLine() {
  const std::optional<size_t> literal = literalAtEnd(line_);
  const std::string line = upper(line_);
  const Next was = std::exchange(next_, Next::command);
  if (was == Next::command && line_.find(' ') != line_.npos) {
    commands_.push_back(line_);
    const std::string_view verb = std::string_view(line).substr(line.find(' ') + 1);
    if (verb.starts_with("COMPRESS ")) next_ = Next::nothing;
    // "AUTHENTICATE PLAIN" without an initial response: the next line answers a challenge.
    const bool authenticates = verb.starts_with("AUTHENTICATE ");
    if (authenticates && verb.find(' ') == verb.rfind(' ')) next_ = Next::credentials;
  }
  if (literal && was != Next::credentials) {
    literal_left_ = *literal;
    next_ = Next::rest_of_command;
  }
}

std::vector<std::string> CommandLog::take() {
  return std::exchange(commands_, {});
}

}  // namespace emlfs::test
