#include "view/address.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "emlfs/view/names.h"
#include "view/encoded_word.h"
#include "view/header_text.h"
#include "view/text.h"

namespace emlfs::view {
namespace {

// What one pass over the field collects until the first address is whole. Everything is still
// encoded: decoding may bring forth commas and brackets that mean nothing.
struct Scan {
  std::string phrase;  // what stands outside of brackets and comments
  std::string comment;
  std::string address;
  std::string group;
  bool comments = true;  // false once a '(' was not closed: the rest are characters like others

  bool hasAddress() const { return !address.empty() || phrase.find('@') != phrase.npos; }
  bool empty() const { return address.empty() && comment.empty() && trim(phrase, " \t").empty(); }
};

// Takes a quoted string off `rest`, which begins with its quote. Absent, and nothing taken, if it
// is not closed.
std::optional<std::string> takeQuoted(std::string_view& rest) {
  std::string content;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return content;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    content += rest[i];
  }
  return std::nullopt;
}

// The same for a comment, without its parentheses and those of comments in it.
std::optional<std::string> takeComment(std::string_view& rest) {
  std::string content;
  size_t depth = 0;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '(') {
      ++depth;
    } else if (rest[i] == ')') {
      if (--depth == 0) {
        rest.remove_prefix(i + 1);
        return content;
      }
    } else {
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      content += rest[i];
    }
  }
  return std::nullopt;
}

// The address in angle brackets that `rest` begins with; one that is not closed ends at a comma.
std::string takeAngle(std::string_view& rest) {
  size_t end = rest.find('>');
  const bool closed = end != rest.npos;
  if (!closed) end = std::min(rest.find(','), rest.size());
  std::string_view address = trim(rest.substr(1, end - 1), " \t<");
  rest.remove_prefix(closed ? end + 1 : end);
  if (address.starts_with('@')) {  // a route: "@relay.example,@other.example:alice@example.org"
    const size_t colon = address.rfind(':');
    if (colon != address.npos) address.remove_prefix(colon + 1);
  }
  return std::string(address);
}

void take(std::string& out, std::string_view& rest, size_t count) {
  out += rest.substr(0, count);
  rest.remove_prefix(count);
}

// Reads one element at the front of `rest`. False at the end of the first address.
bool step(Scan& scan, std::string_view& rest) {
  switch (rest.front()) {
    case '=':  // an encoded word is one piece, whatever characters it holds
      if (const auto word = encodedWordAt(rest)) {
        take(scan.phrase, rest, word->length);
        return true;
      }
      break;
    case '"':
      if (const auto content = takeQuoted(rest)) {
        scan.phrase += *content;
      } else {
        rest.remove_prefix(1);
      }
      return true;
    case '(':
      if (!scan.comments) break;
      if (auto content = takeComment(rest)) {
        scan.comment = *std::move(content);
        return true;
      }
      scan.comments = false;
      break;
    case '[':  // a domain literal may hold colons
      if (const size_t end = rest.find(']'); scan.hasAddress() && end != rest.npos) {
        take(scan.phrase, rest, end + 1);
        return true;
      }
      break;
    case '<':
      scan.address = takeAngle(rest);
      return true;
    case ':':
      if (scan.hasAddress()) break;
      scan.group = std::exchange(scan.phrase, {});
      rest.remove_prefix(1);
      return true;
    case ',':
      // "Doe, John <jd@example.org>" without its quotes is more common than a list of names.
      if (!scan.hasAddress() && !scan.empty()) break;
      [[fallthrough]];
    case ';':
      rest.remove_prefix(1);
      return scan.empty();
    case '\\':
      if (rest.size() > 1) rest.remove_prefix(1);
      break;
    default:
      break;
  }
  take(scan.phrase, rest, 1);
  return true;
}

}  // namespace

Sender firstSender(std::string_view field) {
  const std::string text = unfold(field);
  std::string_view rest = text;
  Scan scan;
  while (!rest.empty() && step(scan, rest)) {
  }

  if (scan.address.empty() && scan.hasAddress()) scan.address = std::exchange(scan.phrase, {});
  Sender sender{.name = decodeHeader(scan.phrase), .address = decodeHeader(scan.address)};
  if (sender.name.empty()) sender.name = decodeHeader(scan.comment);
  if (sender.name.empty() && sender.address.empty()) sender.name = decodeHeader(scan.group);
  return sender;
}

std::string senderName(std::string_view value) {
  Sender sender = firstSender(value);
  return sender.name.empty() ? sender.address : sender.name;
}

}  // namespace emlfs::view
