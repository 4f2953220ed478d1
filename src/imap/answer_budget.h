// What a server may answer, so that one that is broken or hostile can't keep us for ever.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "emlfs/base/error.h"
#include "imap/framer.h"

namespace emlfs::imap {

[[noreturn]] inline void notImap(const std::string& what) {
  throw Error(Code::protocol, Scope::connection, "the server answered with " + what);
}

// Counts what one command is answered with.
class AnswerBudget {
 public:
  // `expected`: how many responses it asks for.
  AnswerBudget(const Framer& framer, uint64_t expected)
      : framer_(framer), start_(framer.otherBytes()) {
    expected = std::min(expected, kMostExpected);
    responses_ = kSlackResponses + 4 * expected;
    bytes_ = kSlackBytes + kBytesEach * expected;
  }
  // For each response. Throws Error(limit, connection).
  void spend() {
    if (responses_-- == 0 || framer_.otherBytes() - start_ > bytes_)
      throw Error(Code::limit, Scope::connection, "the server's answer has no end");
  }

 private:
  // Beyond what was asked for: other clients' changes can be announced at any moment.
  static constexpr uint64_t kSlackResponses = 100'000;
  static constexpr uint64_t kSlackBytes = uint64_t{256} << 20;
  static constexpr uint64_t kMostExpected = 10'000'000;
  static constexpr uint64_t kBytesEach = 64 << 10;

  const Framer& framer_;
  uint64_t start_;
  uint64_t responses_;
  uint64_t bytes_;
};

}  // namespace emlfs::imap
