#include "support/explain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace emlfs::test {

void explainFailure(const std::string& log) {
  const auto& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
  if (!result.Failed()) return;
  fmt::print("{}\n", log);
  for (int i = 0; i < result.total_part_count(); ++i)
    if (const auto& part = result.GetTestPartResult(i); part.failed())
      fmt::print("failed: {}\n", part.message());
}

}  // namespace emlfs::test
