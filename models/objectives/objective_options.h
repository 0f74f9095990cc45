// What a method's objective is made of: one temperature for all pairs or none, or the form of AMCL with
// its usual values (spec S11).
#pragma once
#include <optional>
#include <string>

#include "engine/core/setting.h"
#include "models/objectives/amcl_options.h"
#include "models/temperature_net.h"

namespace amcl {

// The forms of AMCL's contrastive loss.
enum class AmclForm : uint8_t {
  amcl,    // for training: log-sum-exp with the positive, a regulariser that cannot cancel (S10c)
  topk,    // the authors' second release; needs the gradient's norm clipped at 1
  table2,  // equation (2.1) as printed, with the numbers of the first release: collapses (S10a)
};
inline constexpr const char* kAmclFormNames[] = {"amcl", "amcl-topk", "amcl-table2"};

// What temperatures are wanted of a method.
struct TemperatureChoice {
  bool adaptive = false;
  AmclForm form = AmclForm::amcl;       // of adaptive ones
  std::optional<double> constant = {};  // of others; none: the method's usual one
};

struct ObjectiveOptions {
  std::string name = "ntxent";  // for messages and records: the plain loss, or the form
  bool adaptive = false;        // whether there is a temperature net
  double temperature = 0.5;     // not adaptive: tau of NT-Xent and InfoNCE
  // Not adaptive: whether their denominators hold the positive; false: decoupled contrastive learning.
  bool with_positive = true;
  AmclOptions amcl = {};                       // adaptive only
  TemperatureNetOptions temperature_net = {};  // adaptive only
  double temperature_warmup_epochs = 0.0;      // adaptive only (models/temperature_warmup.h)
  double head_decorrelation = 0.0;             // weight of that term; 0: without it
};

// The contrastive losses: `plain_name` at the chosen temperature or `usual`, or a form of AMCL.
ObjectiveOptions contrastive_objective(const TemperatureChoice& choice, const char* plain_name,
                                       double usual);

// The settings that adaptive temperatures have with every method. `dot_only`: the net may not be
// concat.
void visit_adaptive_settings(ObjectiveOptions& options, bool dot_only,
                             const SettingVisitor& visitor);
// Those of the contrastive forms besides.
void visit_pair_settings(AmclOptions& options, const SettingVisitor& visitor);
// Of every temperature: whether the denominator, or what the reducer reads, holds the positive.
void visit_positive_setting(bool& with_positive, const SettingVisitor& visitor);
// Those of Omega over negatives.
void visit_negative_settings(AmclOptions& options, const SettingVisitor& visitor);
// Of every temperature. The term needs two of the `heads`.
void visit_decorrelation_setting(ObjectiveOptions& options, int64_t heads,
                                 const SettingVisitor& visitor);

}  // namespace amcl
