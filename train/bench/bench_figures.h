// What the benchmarks of computing count and print alike.
#pragma once
#include <ostream>
#include <vector>

#include "engine/backend/backend.h"

namespace amcl {

// Of an even number of values the mean of the middle two.
double median(std::vector<double> values);
// To so many decimals.
double rounded(double value, double digits);
inline constexpr double kBytesPerMiB = 1024.0 * 1024.0;

// Normal numbers, the same at every call.
Tensor normal_tensor(Backend& backend, const Shape& shape);
// GFLOP/s of a product of 2048 x 2048 matrices, the best of five.
double product_rate(Backend& backend);

// A table of what each kernel takes of runs that took these seconds each.
void print_profile(const KernelProfile& profile, const std::vector<double>& seconds,
                   std::ostream& log);

}  // namespace amcl
