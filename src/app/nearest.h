// "Did you mean": the known word that is nearest to what the user wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emlfs::app {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
size_t editDistance(std::string_view a, std::string_view b);

// The nearest of `known`; absent if none is near enough to have been meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known);

// What to say behind "unknown word": ": did you mean 'fetch'?", or else what there is.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace emlfs::app
