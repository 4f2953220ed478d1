// Messages that prove themselves: the name of one tells every byte of it, and its last line is the
// SHA-256 of what stands above. So a reader needs nobody to tell whether it was given the truth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emlfs::test {

struct Proof {
  uint64_t seed = 0;
  size_t size = 0;      // about; never less than the headers
  bool anchor = false;  // has the header "X-Anchor: yes", for who looks with grep
};

// What stands in the subject, and so in the name of the file.
std::string proofName(const Proof& proof);
std::string proofMessage(const Proof& proof);

// Of a name or of a message; absent if it is none of these.
std::optional<Proof> proofOf(std::string_view text);

// Empty if `bytes` are those of the message called `name` from `offset` on, and to its end if they
// are meant to be the `whole` of it; else what is wrong.
std::string wrongness(std::string_view name, std::string_view bytes, size_t offset, bool whole);

}  // namespace emlfs::test
