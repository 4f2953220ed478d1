// Parts a vector in two. std::stable_partition would do, but libstdc++'s makes clang warn of a
// deprecated call.
#pragma once

#include <utility>
#include <vector>

namespace emlfs {

// Takes out of `from` what `wanted` is true of, and returns it. Both keep their order.
template <class T, class Wanted>
std::vector<T> takeIf(std::vector<T>& from, const Wanted& wanted) {
  std::vector<T> taken;
  std::vector<T> left;
  for (T& each : from) (wanted(each) ? taken : left).push_back(std::move(each));
  from = std::move(left);
  return taken;
}

}  // namespace emlfs
