// What there is to say of a test that failed.
#pragma once

#include <string>

namespace emlfs::test {

// If the test that runs has failed: prints `log`, and behind it once more what failed, for whoever
// sees only the end of a long output.
void explainFailure(const std::string& log);

}  // namespace emlfs::test
