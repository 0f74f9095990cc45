// The inner loops of pair_loss over runs of negative pairs, for the instruction set of this CPU.
// Formulas as in engine/backend/pair_formulas.h.
#pragma once
#include <cstdint>

#include "engine/backend/op_specs.h"

namespace amcl {

// What all negatives of a call share.
struct NegativePairs {
  bool adaptive;
  float temperature;  // not adaptive
  float low;          // adaptive: range and bias of the temperature
  float high;
  float bias;
  float beta;  // of Omega inside the logits
  float a;
};

// Over the pairs of a row.
struct NegativePairSums {
  double similarity = 0.0;
  double similarity_squares = 0.0;
  double temperature = 0.0;
  double temperature_squares = 0.0;
  int64_t at_bound = 0;  // tau within kBoundMargin (high - low) of a bound
  float temperature_min;
  float temperature_max;
  float logit_min;
  float logit_max;

  NegativePairSums();
};

// logit[j] of `count` pairs, and their sums added to `sums`. r is read only if adaptive.
void negative_pair_logits(const NegativePairs& pairs, const float* s, const float* r, int64_t count,
                          float* logit, NegativePairSums& sums);

// Sum of exp(logit[j] - shift), shift at least as large as every logit.
double sum_of_shifted_exponentials(const float* logit, int64_t count, float shift);

// ds and, unless null, dr of pairs whose weights are the softmax exp(logit - lse), times dloss.
void negative_pair_gradients(const NegativePairs& pairs, const float* s, const float* r,
                             int64_t count, float lse, float dloss, float* ds, float* nullable_dr);

}  // namespace amcl
