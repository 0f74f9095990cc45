// What the pairs of one anchor contribute to the statistics of a loss over pairs, in f64. Used by the
// plain and the cpu backend.
#pragma once
#include <cstdint>
#include <limits>

#include "engine/backend/op_specs.h"

namespace amcl {

// Sums over pairs of one kind.
struct PairSums {
  double similarity = 0.0;
  double similarity_squares = 0.0;
  double temperature = 0.0;
  double temperature_squares = 0.0;

  void add(double s, double tau) {
    similarity += s;
    similarity_squares += s * s;
    temperature += tau;
    temperature_squares += tau * tau;
  }
  void add(const PairSums& other) {
    similarity += other.similarity;
    similarity_squares += other.similarity_squares;
    temperature += other.temperature;
    temperature_squares += other.temperature_squares;
  }
};

// Over all pairs of one anchor but that with itself.
struct PairRowStatistics {
  PairSums positive;
  PairSums negative;
  int64_t positives = 0;
  int64_t negatives = 0;
  int64_t at_bound = 0;
  double temperature_min = std::numeric_limits<double>::infinity();
  double temperature_max = 0.0;
  double logit_abs_max = 0.0;

  // What counts besides the sums.
  void add_extremes(double tau, double logit, const PairLossSpec& spec);
  void add(const PairRowStatistics& other);
  // To and from a record [kPairRecord].
  void write(double* record) const;
  static PairRowStatistics read(const double* record);
};

}  // namespace amcl
