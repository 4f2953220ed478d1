// Whether every index of a cache says what its records say.
#pragma once

#include <string>
#include <vector>

namespace emlfs::test {

// What is wrong with the closed cache in `directory`, a line each; empty if nothing is. Reads every
// value, so that its checksum is looked at too. Throws Error(damaged) where one is wrong.
std::vector<std::string> checkCache(const std::string& directory);

}  // namespace emlfs::test
