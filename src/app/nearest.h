// "Did you mean": the known word that is nearest to what the user wrote.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace emlfs::app {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
size_t editDistance(std::string_view a, std::string_view b);

// The nearest of `known`, whatever its distance; absent only if there are none.
std::optional<std::string_view> nearest(std::string_view word,
                                        const std::vector<std::string_view>& known);

}  // namespace emlfs::app
