// What a server sends, through the framer, the scanner and libetpan. The first three bytes of an
// input say how it is cut and what window a body has; the rest is the wire.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/base/error.h"
#include "imap/data.h"

namespace emlfs::imap {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

struct Framed {
  std::vector<RawResponse> responses;
  bool failed = false;
};

Framed frame(std::string_view wire, size_t step, Window window) {
  Framed framed;
  Framer framer;
  framer.setWindow(window);
  try {
    for (; !wire.empty(); wire.remove_prefix(std::min(step, wire.size()))) {
      framer.feed(wire.substr(0, step));
      while (auto response = framer.next()) framed.responses.push_back(std::move(*response));
    }
  } catch (const Error& error) {
    require(error.scope == Scope::connection);
    framed.failed = true;
  }
  return framed;
}

void checkResponse(const RawResponse& response) {
  require(response.text.size() <= Framer::kMaxText);
  require(response.text.find('\n') == std::string::npos);
  require(response.literals.size() <= Framer::kMaxLiterals);
  size_t after = 0;
  for (const Literal& literal : response.literals) {
    require(literal.at >= after && response.text.at(literal.at) == '{');
    require(literal.bytes.size() <= literal.length);
    after = literal.at + 1;
  }
}

bool same(const RawResponse& a, const RawResponse& b) {
  if (a.text != b.text || a.literals.size() != b.literals.size()) return false;
  for (size_t i = 0; i < a.literals.size(); ++i) {
    if (a.literals[i].at != b.literals[i].at || a.literals[i].bytes != b.literals[i].bytes ||
        a.literals[i].length != b.literals[i].length) {
      return false;
    }
  }
  return true;
}

void fuzz(std::string_view input) {
  if (input.size() < 3) return;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(input[i]); };
  const size_t step = 1 + byte(0) % 64;
  const Window window{byte(1) % 32U, byte(2)};
  const std::string_view wire = input.substr(3);

  Framed framed = frame(wire, step, window);
  const Framed at_once = frame(wire, wire.size() + 1, window);
  require(framed.failed == at_once.failed);
  require(framed.responses.size() == at_once.responses.size());
  for (size_t i = 0; i < framed.responses.size(); ++i) {
    checkResponse(framed.responses[i]);
    require(same(framed.responses[i], at_once.responses[i]));
    const bool untagged = framed.responses[i].text.starts_with("* ");
    if (untagged) understand(std::move(framed.responses[i]));
  }
}

}  // namespace
}  // namespace emlfs::imap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(data, data + size);
  emlfs::imap::fuzz(input);
  return 0;
}
