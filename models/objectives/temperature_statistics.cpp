#include "models/objectives/temperature_statistics.h"

#include "engine/backend/backend.h"

namespace amcl {

Tensor temperature_statistics(const PairValues& positive, const PairValues& all,
                              const TemperatureRange& range) {
  const Tensor& s = positive.similarity;
  Tensor statistics = Tensor::empty(s.device(), {s.dim(0), kPairStatistics}, DType::f32);
  backend_of(s).pair_value_statistics(s, positive.temperature, all.similarity, all.temperature,
                                      range, statistics);
  return statistics;
}

}  // namespace amcl
