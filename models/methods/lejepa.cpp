#include "models/methods/lejepa.h"

#include <cmath>
#include <vector>

#include "engine/core/philox.h"
#include "models/objectives/lejepa.h"

namespace amcl {
namespace {

const LejepaOptions& checked(const LejepaOptions& options) {
  AMCL_CHECK(options.lambda >= 0.0 && options.lambda <= 1.0,
             "lejepa_lambda: must be from 0 to 1, got ", options.lambda);
  AMCL_CHECK(options.slices >= 1, "lejepa_slices: must be at least 1, got ", options.slices);
  return options;
}

// Rows of unit length, uniform over all directions. Drawn on the host: the same on every device.
std::vector<double> random_directions(uint64_t seed, int64_t step, const Shape& shape) {
  RandomStream random(seed, RandomPurpose::directions, 0, static_cast<uint64_t>(step), 0);
  std::vector<double> values(static_cast<size_t>(shape.count()));
  const auto width = static_cast<size_t>(shape.back());
  for (size_t begin = 0; begin < values.size(); begin += width) {
    double squares = 0.0;
    for (size_t i = begin; i < begin + width; ++i) {
      values[i] = static_cast<double>(random.normal());
      squares += values[i] * values[i];
    }
    for (size_t i = begin; i < begin + width; ++i) values[i] /= std::sqrt(squares);
  }
  return values;
}

}  // namespace

void LejepaOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  visit_decorrelation_setting(objective, projector.heads, visitor);
  visitor(
      {.table = "objective",
       .key = "lejepa_lambda",
       .value = "X",
       .help = "weight of the distribution of the projections; 1 less it that of their prediction",
       .range = {.low = 0, .high = 1}},
      &lambda);
  visitor({.table = "objective",
           .key = "lejepa_slices",
           .value = "N",
           .help = "random directions per step, along which the distribution is tested",
           .range = {.low = 1}},
          &slices);
}

Lejepa::Lejepa(Backend& backend, uint64_t seed, const LejepaOptions& options, DType dtype)
    : TwoViewMethod(backend, seed, dtype, checked(options).backbone, options.projector,
                    options.objective),
      seed_(seed),
      options_(options),
      directions_(
          Tensor::empty(backend, {options.slices, options.projector.dim}, stat_dtype(dtype))) {
  prepare_step(1, 1);
}

void Lejepa::prepare_step(int64_t number, int64_t /*steps*/) {
  directions_.assign<double>(random_directions(seed_, number, directions_.shape()));
}

Loss Lejepa::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 1, "lejepa: the loss reads one projection, got ",
             projections.size());
  return lejepa(projections.front(), directions_, options_.lambda);
}

double Lejepa::chance_level(int64_t images) const {
  return lejepa_chance_level(options_.projector.heads, images, options_.lambda);
}

int64_t Lejepa::pair_count(int64_t images) const {
  return options_.projector.heads * 2 * images * options_.slices;
}

}  // namespace amcl
