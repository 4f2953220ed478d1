#include "emlfs/base/take_if.h"

#include <gmock/gmock.h>

#include <memory>

namespace emlfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TakeIf, BothPartsKeepTheirOrder) {
  std::vector<int> numbers{5, 2, 9, 4, 1, 6};
  EXPECT_THAT(takeIf(numbers, [](int number) { return number % 2 == 0; }), ElementsAre(2, 4, 6));
  EXPECT_THAT(numbers, ElementsAre(5, 9, 1));
  EXPECT_THAT(takeIf(numbers, [](int) { return false; }), IsEmpty());
  EXPECT_THAT(takeIf(numbers, [](int) { return true; }), ElementsAre(5, 9, 1));
  EXPECT_THAT(numbers, IsEmpty());
}

TEST(TakeIf, NothingIsCopied) {
  std::vector<std::unique_ptr<int>> owned;
  for (const int number : {1, 2, 3}) owned.push_back(std::make_unique<int>(number));
  const auto taken = takeIf(owned, [](const auto& number) { return *number == 2; });
  EXPECT_EQ(taken.size(), 1U);
  EXPECT_EQ(*owned.at(1), 3);
}

}  // namespace
}  // namespace emlfs
