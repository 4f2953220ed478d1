#include "app/nearest.h"

#include <fmt/format.h>

#include <algorithm>

namespace emlfs::app {

size_t editDistance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows are enough, for a swap looks back two.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known) {
  const auto best = std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return editDistance(word, a) < editDistance(word, b);
  });
  // Further away it is another word, and naming it would only confuse.
  if (best == known.end() || editDistance(word, *best) > 1 + word.size() / 3) return std::nullopt;
  return *best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  if (const auto meant = nearest(word, known)) return fmt::format(": did you mean '{}'?", *meant);
  return known.empty() ? "" : fmt::format("; there are: {}", fmt::join(known, ", "));
}

}  // namespace emlfs::app
