// A set of UIDs as sorted, disjoint, inclusive ranges: what IMAP calls a sequence-set. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emlfs/mail/ids.h"

namespace emlfs {

struct UidRange {
  Uid first = 0;
  Uid last = 0;  // inclusive
  bool operator==(const UidRange&) const = default;
};

class UidSet {
 public:
  void add(Uid uid) { add(UidRange{uid, uid}); }
  void add(UidRange range);  // 0 is left out; a range the wrong way round is turned
  bool contains(Uid uid) const;
  bool empty() const { return ranges_.empty(); }
  uint64_t size() const;
  const std::vector<UidRange>& ranges() const { return ranges_; }

  // "1:4,7". Empty for the empty set, which IMAP can't say.
  std::string text() const;
  // Absent if it isn't a sequence-set; "*" is not accepted.
  static std::optional<UidSet> parse(std::string_view text);
  bool operator==(const UidSet&) const = default;

 private:
  std::vector<UidRange> ranges_;
};

}  // namespace emlfs
