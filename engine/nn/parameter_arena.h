// One flat block each for values, gradients and optimiser state of all parameters, with a table of
// segments: the optimiser, gradient clipping and moving averages are then one kernel over flat
// memory.
#pragma once
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/nn/parameter.h"

namespace amcl {

class ParameterArena {
 public:
  struct Entry {
    std::string name;
    Parameter* parameter;
    int64_t begin;  // element offsets; segments start at multiples of 16
    int64_t end;
  };

  // Moves every parameter that `visit` reaches into flat memory (values kept); the parameters'
  // tensors become views of it. The parameters must outlive the arena. All values must be f32, or
  // all f64.
  ParameterArena(Backend& backend, const std::function<void(const ModuleVisitor&)>& visit);
  ParameterArena(const ParameterArena&) = delete;
  ParameterArena& operator=(const ParameterArena&) = delete;

  Tensor& values() { return values_; }        // [n]
  Tensor& gradients() { return gradients_; }  // [n]
  const std::vector<Entry>& entries() const { return entries_; }
  int64_t parameter_count() const;

  // Before a step: gradients are overwritten by their first contribution.
  void begin_step();
  // After backward: parameters that received nothing get gradient zero.
  void finish_step();

 private:
  Tensor values_;
  Tensor gradients_;
  std::vector<Entry> entries_;
};

}  // namespace amcl
