// Walks over one whole response. Never reads past its end, never recurses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imap/framer.h"

namespace emlfs::imap {

// A string, quoted or literal, or NIL.
struct Value {
  bool nil = false;
  uint64_t length = 0;  // of a literal: as announced, more than bytes.size() if it was cut
  std::string bytes;
};

class Scanner {
 public:
  // Strings are moved out of `response`, which must outlive the scanner.
  explicit Scanner(RawResponse& response) : response_(response) {}

  bool atEnd() const { return at_ >= response_.text.size(); }
  char peek() const { return atEnd() ? '\0' : response_.text[at_]; }
  std::string_view rest() const { return std::string_view(response_.text).substr(at_); }
  size_t position() const { return at_; }
  std::string_view since(size_t start) const {
    return std::string_view(response_.text).substr(start, at_ - start);
  }

  bool take(char c);
  void skipBlanks();
  // Up to a blank, a parenthesis, a quote or a literal. Empty if one of them is next.
  std::string_view word();
  bool takeWord(std::string_view expected);  // in any case
  // A FETCH item's name with its section: "BODY[HEADER.FIELDS (DATE)]<0>".
  std::string_view itemName();
  // A string or NIL. Absent (and nothing is taken) if there is none or it has no end.
  std::optional<Value> nstring();
  // A string or a word, for mailbox names; NIL is a word then.
  std::optional<std::string> astring();
  // Any value: a word, a string, a parenthesised list. False if it has no end.
  bool skipValue();

 private:
  Literal* literalHere();
  std::optional<Value> quoted();

  RawResponse& response_;
  size_t at_ = 0;
};

}  // namespace emlfs::imap
