#include "imap/batches.h"

#include <algorithm>
#include <string>
#include <utility>

namespace emlfs::imap {

void eachBatch(const UidSet& uids, size_t octets, const std::function<void(const UidSet&)>& each) {
  UidSet batch;
  size_t length = 0;
  uint64_t room = kMostMessages;
  const auto flush = [&] {
    if (!batch.empty()) each(std::exchange(batch, {}));
    length = 0;
    room = kMostMessages;
  };
  for (const UidRange& range : uids.ranges()) {
    for (uint64_t first = range.first; first <= range.last;) {
      UidRange part{static_cast<Uid>(first), 0};
      part.last = static_cast<Uid>(std::min<uint64_t>(range.last, first + room - 1));
      size_t size = std::to_string(part.first).size() + 1;  // and a comma
      if (part.last != part.first) size += std::to_string(part.last).size() + 1;
      if (!batch.empty() && length + size > octets) {
        flush();
        continue;
      }
      batch.add(part);
      length += size;
      room -= uint64_t{part.last} - part.first + 1;
      first = uint64_t{part.last} + 1;
      if (room == 0) flush();
    }
  }
  flush();
}

size_t octetsBeside(std::string_view wire) {
  constexpr size_t kRest = 100;  // tag, verb, quotes, what a literal has
  // Each octet may be quoted; a longer name is a literal and no part of the line.
  const size_t name = wire.size() <= 1'000 ? 2 * wire.size() : 0;
  return kLongestLine - kRest - name;
}

}  // namespace emlfs::imap
