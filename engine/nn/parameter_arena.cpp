#include "engine/nn/parameter_arena.h"

namespace amcl {
namespace {

// 64 bytes of f32: each segment starts aligned for the widest vectors, on a cache line of its own.
constexpr int64_t kSegmentAlignment = 16;

int64_t aligned(int64_t offset) {
  return (offset + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

}  // namespace

ParameterArena::ParameterArena(Backend& backend,
                               const std::function<void(const ModuleVisitor&)>& visit) {
  int64_t size = 0;
  visit({.parameter =
             [&](const std::string& name, Parameter& parameter) {
               const int64_t begin = aligned(size);
               size = begin + parameter.value.count();
               entries_.push_back({name, &parameter, begin, size});
             },
         .buffer = [](const std::string&, Tensor&) {}});
  AMCL_CHECK(!entries_.empty(), "parameter arena: the model has no parameters");

  const DType dtype = entries_.front().parameter->value.dtype();
  AMCL_CHECK(dtype == DType::f32 || dtype == DType::f64,
             "parameter arena: parameters must be f32 or f64, ", entries_.front().name, " is ",
             dtype);
  // Zeros, because the gaps between segments take part in sums over the whole block.
  values_ = Tensor::zeros(backend, Shape{aligned(size)}, dtype);
  gradients_ = Tensor::zeros(backend, Shape{aligned(size)}, dtype);
  for (const Entry& entry : entries_) {
    Parameter& parameter = *entry.parameter;
    AMCL_CHECK(parameter.value.dtype() == dtype, "parameter arena: ", entry.name, " is ",
               parameter.value.dtype(), ", the others are ", dtype);
    const Shape shape = parameter.value.shape();
    Tensor home = values_.slice(entry.begin, entry.end).view(shape);
    backend.copy(home.raw(), parameter.value.raw(), home.bytes());
    parameter.value = home;
    parameter.slot.gradient = gradients_.slice(entry.begin, entry.end).view(shape);
  }
}

int64_t ParameterArena::parameter_count() const {
  int64_t count = 0;
  for (const Entry& entry : entries_) count += entry.end - entry.begin;
  return count;
}

void ParameterArena::begin_step() {
  for (const Entry& entry : entries_) entry.parameter->slot.written = false;
}

void ParameterArena::finish_step() {
  for (const Entry& entry : entries_) {
    GradientSlot& slot = entry.parameter->slot;
    if (!slot.written) slot.gradient.device().fill_zero(slot.gradient.raw(), slot.gradient.bytes());
  }
}

}  // namespace amcl
