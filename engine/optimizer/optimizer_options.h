// The rules of the update (optimizer.h) and what they are set to.
#pragma once
#include <string>
#include <vector>

#include "engine/backend/optimizer_rules.h"
#include "engine/core/setting.h"

namespace amcl {

// Of the rules of OptimizerRule, in its order.
std::vector<std::string> optimizer_names();

struct OptimizerOptions {
  OptimizerRule rule = SgdSpec{};
  double weight_decay = 0.0;
  bool decay_norm_bias = true;  // whether norms and biases are decayed too
  double norm_bias_rate = 1.0;  // factor on the learning rate of norms and biases
  double clip_norm = 0.0;       // largest L2 norm of all gradients together; 0: no clipping

  // The rule of one of optimizer_names(), with its usual values. Error(usage) for another name.
  static OptimizerOptions usual(const std::string& name);
  const char* name() const;
  double usual_rate() const;  // learning rate of the rule where nothing says another
  // For people: "sgd, momentum 0.9, weight decay 0.0005".
  std::string text() const;
  void visit_settings(const SettingVisitor& visitor);
};

}  // namespace amcl
