// The rules of the update (optimizer.h) and what they are set to.
#pragma once
#include <string>
#include <variant>

#include "engine/backend/op_specs.h"
#include "engine/core/setting.h"

namespace amcl {

// In the order of OptimizerOptions::rule.
inline constexpr const char* kOptimizerNames[] = {"sgd", "lars", "adamw"};

struct OptimizerOptions {
  std::variant<SgdSpec, LarsSpec, AdamWSpec> rule = SgdSpec{};
  double weight_decay = 0.0;
  bool decay_norm_bias = true;  // whether norms and biases are decayed too
  double norm_bias_rate = 1.0;  // factor on the learning rate of norms and biases
  double clip_norm = 0.0;       // largest L2 norm of all gradients together; 0: no clipping

  // The rule of one of kOptimizerNames, with its usual values. Error(usage) for another name.
  static OptimizerOptions usual(const std::string& name);
  const char* name() const { return kOptimizerNames[rule.index()]; }
  void visit_settings(const SettingVisitor& visitor);
};

}  // namespace amcl
