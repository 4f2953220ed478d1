#include "support/proof_mail.h"

#include <fmt/format.h>

#include <algorithm>
#include <locale>
#include <random>
#include <regex>

#include "support/tree.h"

namespace emlfs::test {
namespace {

constexpr std::string_view kSeal = "SHA-256: ";

}  // namespace

std::string proofName(const Proof& proof) {
  std::mt19937_64 more(proof.seed);
  const uint64_t rest = more();
  return fmt::format("proof-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}-{}{}", proof.seed >> 32,
                     proof.seed >> 16 & 0xffff, proof.seed & 0xffff, rest >> 48,
                     rest & 0xffff'ffff'ffff, proof.size, proof.anchor ? "a" : "x");
}

std::string proofMessage(const Proof& proof) {
  std::mt19937_64 random(proof.seed ^ proof.size);
  const std::string name = proofName(proof);
  std::string message = fmt::format(
      "From: Test <test@example.org>\r\nTo: tester@example.org\r\nSubject: {0}\r\n"
      "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{0}@example.org>\r\n{1}\r\n",
      name, proof.anchor ? "X-Anchor: yes\r\n" : "");
  message.reserve(proof.size + 256);
  while (message.size() < proof.size)
    message += fmt::format("{:010} {:016x}{:016x}{:016x}\r\n", message.size(), random(), random(),
                           random());
  const std::string sum = sha256(message);
  return message.append(kSeal).append(sum).append("\r\n");
}

// libstdc++ fills this table of its locale without a lock, when a std::regex is made: before there
// are threads, so that ThreadSanitizer has nothing to complain of.
[[maybe_unused]] const bool kNarrowed = [] {
  const auto& facet = std::use_facet<std::ctype<char>>(std::locale::classic());
  for (int byte = 0; byte < 256; ++byte) facet.narrow(static_cast<char>(byte), '\0');
  return true;
}();

std::optional<Proof> proofOf(std::string_view text) {
  static const std::regex kName(
      "proof-([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-[0-9a-f]{4}-[0-9a-f]{12}-([0-9]+)([ax])");
  std::match_results<std::string_view::const_iterator> match;
  text = text.substr(0, 1024);
  if (!std::regex_search(text.begin(), text.end(), match, kName)) return std::nullopt;
  const std::string seed = match[1].str() + match[2].str() + match[3].str();
  return Proof{std::stoull(seed, nullptr, 16), std::stoull(match[4].str()), match[5] == "a"};
}

std::string wrongness(std::string_view name, std::string_view bytes, size_t offset, bool whole) {
  const auto proof = proofOf(name);
  if (!proof) return "no proof in the name";
  const std::string expected = proofMessage(*proof);
  if (offset > expected.size() || bytes.size() > expected.size() - offset)
    return fmt::format("{} bytes from {} on, of a message of {}", bytes.size(), offset,
                       expected.size());
  const auto differs =
      std::mismatch(bytes.begin(), bytes.end(), expected.begin() + static_cast<ptrdiff_t>(offset));
  if (differs.first != bytes.end()) {
    const auto at = static_cast<size_t>(differs.first - bytes.begin());
    const auto other = proofOf(bytes.substr(0, 1024));
    return fmt::format("{} bytes from {} on differ at {} ({})", bytes.size(), offset, offset + at,
                       *differs.first == '\0'           ? "zero"
                       : other && offset == 0 && at > 0 ? "they begin as " + proofName(*other)
                                                        : "other text");
  }
  if (whole && offset + bytes.size() != expected.size())
    return fmt::format("ends at {} instead of {}", offset + bytes.size(), expected.size());
  return {};
}

}  // namespace emlfs::test
