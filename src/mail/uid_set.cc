#include "emlfs/mail/uid_set.h"

#include <algorithm>
#include <charconv>

namespace emlfs {

void UidSet::add(UidRange range) {
  if (range.first > range.last) std::swap(range.first, range.last);
  if (range.last == 0) return;
  range.first = std::max<Uid>(range.first, 1);

  // The common case: UIDs come in ascending order.
  if (ranges_.empty() || range.first > ranges_.back().last) {
    if (!ranges_.empty() && ranges_.back().last + 1 == range.first)
      ranges_.back().last = range.last;
    else
      ranges_.push_back(range);
    return;
  }
  // The first range that touches or follows the new one; what touches is swallowed.
  auto first =
      std::lower_bound(ranges_.begin(), ranges_.end(), range.first,
                       [](const UidRange& have, Uid uid) { return uint64_t{have.last} + 1 < uid; });
  auto last = first;
  while (last != ranges_.end() && last->first <= uint64_t{range.last} + 1) {
    range.first = std::min(range.first, last->first);
    range.last = std::max(range.last, last->last);
    ++last;
  }
  ranges_.insert(ranges_.erase(first, last), range);
}

bool UidSet::contains(Uid uid) const {
  const auto at =
      std::lower_bound(ranges_.begin(), ranges_.end(), uid,
                       [](const UidRange& have, Uid wanted) { return have.last < wanted; });
  return at != ranges_.end() && at->first <= uid;
}

uint64_t UidSet::size() const {
  uint64_t count = 0;
  for (const auto& range : ranges_) count += uint64_t{range.last} - range.first + 1;
  return count;
}

std::string UidSet::text() const {
  std::string out;
  for (const auto& range : ranges_) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first);
    if (range.last != range.first) out += ':' + std::to_string(range.last);
  }
  return out;
}

std::optional<UidSet> UidSet::parse(std::string_view text) {
  UidSet set;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](Uid& value) {
    const auto [next, failure] = std::from_chars(at, end, value);
    if (failure != std::errc()) return false;
    at = next;
    return true;
  };
  while (true) {
    UidRange range;
    if (!number(range.first)) return std::nullopt;
    range.last = range.first;
    if (at != end && *at == ':') {
      ++at;
      if (!number(range.last)) return std::nullopt;
    }
    set.add(range);
    if (at == end) return set;
    if (*at++ != ',') return std::nullopt;
  }
}

}  // namespace emlfs
