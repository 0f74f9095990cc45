// A line of heads.jsonl: what each head does, as distributions. docs/run-directory.md has its keys.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/nn/parameter_arena.h"
#include "models/methods/method.h"
#include "train/run/metrics.h"

namespace amcl {

inline constexpr int64_t kRecordedAnchors = 256;
inline constexpr int64_t kHistogramBins = 64;  // of equal width, from low to high

// A histogram as it is written: the number of its first bin that is not empty, then the counts from
// there to the last such; empty if all are. What lies outside of the bins is counted in the outermost.
std::vector<int64_t> histogram(std::span<const float> values, double low, double high);

// Of a step and the method after it. Takes nothing that training draws from and changes nothing.
LogRecord head_record(const StepPosition& position, Method& method, ParameterArena& arena,
                      const StepResult& result);

}  // namespace amcl
