#include "imap/scanner.h"

#include <algorithm>

#include "imap/text.h"

namespace emlfs::imap {

bool Scanner::take(char c) {
  if (atEnd() || peek() != c) return false;
  ++at_;
  return true;
}

void Scanner::skipBlanks() {
  while (take(' ')) {
  }
}

Literal* Scanner::literalHere() {
  auto& literals = response_.literals;
  const auto found =
      std::lower_bound(literals.begin(), literals.end(), at_,
                       [](const Literal& literal, size_t at) { return literal.at < at; });
  return found != literals.end() && found->at == at_ ? &*found : nullptr;
}

std::string_view Scanner::word() {
  const size_t start = at_;
  while (!atEnd()) {
    const char c = peek();
    if (c == ' ' || c == '(' || c == ')' || c == '"') break;
    if (c == '{' && literalHere() != nullptr) break;
    ++at_;
  }
  return since(start);
}

bool Scanner::takeWord(std::string_view expected) {
  const size_t start = at_;
  if (equalsIgnoringCase(word(), expected)) return true;
  at_ = start;
  return false;
}

std::string_view Scanner::itemName() {
  const size_t start = at_;
  bool in_section = false;
  while (!atEnd()) {
    const char c = peek();
    if (c == '[') in_section = true;
    if (c == ']') in_section = false;
    if (!in_section && (c == ' ' || c == '(' || c == ')' || c == '"')) break;
    ++at_;
  }
  return since(start);
}

// A quote ends the string only before a blank, a parenthesis or the end: some servers don't escape
// those inside.
std::optional<Value> Scanner::quoted() {
  const std::string& text = response_.text;
  Value value;
  for (size_t i = at_ + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      value.bytes += text[++i];
    } else if (text[i] == '"' && (i + 1 == text.size() || text[i + 1] == ' ' ||
                                  text[i + 1] == ')' || text[i + 1] == '(')) {
      at_ = i + 1;
      value.length = value.bytes.size();
      return value;
    } else {
      value.bytes += text[i];
    }
  }
  return std::nullopt;
}

std::optional<Value> Scanner::nstring() {
  const size_t start = at_;
  if (peek() == '"') return quoted();
  take('~');
  if (Literal* literal = literalHere()) {
    at_ = response_.text.find('}', at_) + 1;
    return Value{false, literal->length, std::move(literal->bytes)};
  }
  at_ = start;
  if (takeWord("NIL")) return Value{true, 0, {}};
  return std::nullopt;
}

std::optional<std::string> Scanner::astring() {
  if (peek() == '"' || literalHere() != nullptr) {
    auto value = nstring();
    if (!value || value->length != value->bytes.size()) return std::nullopt;
    return std::move(value->bytes);
  }
  const std::string_view plain = word();
  if (plain.empty()) return std::nullopt;
  return std::string(plain);
}

bool Scanner::skipValue() {
  size_t depth = 0;
  do {
    skipBlanks();
    if (atEnd()) return false;
    if (take('(')) {
      ++depth;
    } else if (peek() == ')') {
      if (depth == 0) return false;
      take(')');
      --depth;
    } else if (peek() == '"') {
      if (!quoted()) return false;
    } else if (Literal* literal = literalHere()) {
      literal->bytes.clear();
      at_ = response_.text.find('}', at_) + 1;
    } else {
      itemName();
    }
  } while (depth > 0);
  return true;
}

}  // namespace emlfs::imap
