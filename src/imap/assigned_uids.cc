#include "imap/assigned_uids.h"

#include <algorithm>

#include "imap/text.h"

namespace emlfs::imap {
namespace {

std::string_view takeUntil(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

// A UID set in the order it is written in, which UidSet doesn't keep. Within a range it is always
// ascending: "4:2" is "2:4". Absent if it has another number of UIDs than `count`, or one twice.
std::optional<std::vector<Uid>> parseInOrder(std::string_view text, uint64_t count) {
  std::vector<Uid> uids;
  UidSet all;
  while (!text.empty()) {
    std::string_view part = takeUntil(text, ',');
    const auto first = parseNumber32(takeUntil(part, ':'));
    const auto last = part.empty() ? first : parseNumber32(part);
    if (!first || !last || *first == 0 || *last == 0) return std::nullopt;
    const auto [low, high] = std::minmax(*first, *last);
    if (uint64_t{high} - low + 1 > count - uids.size()) return std::nullopt;
    all.add(UidRange{low, high});
    for (uint64_t uid = low; uid <= high; ++uid) uids.push_back(static_cast<Uid>(uid));
  }
  if (uids.size() != count || all.size() != count) return std::nullopt;
  return uids;
}

}  // namespace

std::optional<CopiedUids> parseCopyUid(std::string_view arguments, const UidSet& asked) {
  CopiedUids copied;
  copied.uid_validity = parseNumber32(takeUntil(arguments, ' ')).value_or(0);
  const std::string_view source = takeUntil(arguments, ' ');
  const auto set = UidSet::parse(source);
  if (copied.uid_validity == 0 || !set || set->size() > asked.size()) return std::nullopt;
  const auto from = parseInOrder(source, set->size());
  const auto to = parseInOrder(arguments, set->size());
  if (!from || !to) return std::nullopt;
  if (!std::all_of(from->begin(), from->end(), [&](Uid uid) { return asked.contains(uid); }))
    return std::nullopt;
  copied.uids.reserve(from->size());
  for (size_t i = 0; i < from->size(); ++i) copied.uids.emplace_back((*from)[i], (*to)[i]);
  return copied;
}

std::optional<AppendedUids> parseAppendUid(std::string_view arguments, size_t count) {
  AppendedUids appended;
  appended.uid_validity = parseNumber32(takeUntil(arguments, ' ')).value_or(0);
  auto uids = parseInOrder(arguments, count);
  if (appended.uid_validity == 0 || !uids) return std::nullopt;
  appended.uids = std::move(*uids);
  return appended;
}

}  // namespace emlfs::imap
