// What the options of all methods have in common. A method `X` is built from a struct XOptions, which
// holds its usual values and has
//   Built                     X
//   traits                    what can be said of the method before it is built
//   usual(TemperatureChoice)  the options with the usual values of that form
//   visit_settings(visitor)   all its settings, visit_shapes(visitor) names and shapes of its weights
//   encoder_views()           views that an encoder sees in a step
#pragma once
#include <optional>

#include "engine/backend/optimizer_rules.h"
#include "engine/core/setting.h"
#include "engine/nn/layers.h"
#include "models/objectives/objective_options.h"
#include "models/projection_head.h"
#include "models/resnet.h"

namespace amcl {

// What suits plain SGD of a method's loss.
struct SgdValues {
  double rate = SgdSpec::kUsualRate;
  double clip_norm = 0.0;  // 0: no clipping
  const char* why_rate = "usual for it";
};

struct MethodTraits {
  const char* name;                        // of --method
  std::optional<double> temperature = {};  // usual one of the plain loss; none: that has none
  bool has_amcl = true;                    // a form with adaptive temperatures
  bool has_all_forms = false;              // amcl-topk and amcl-table2 too
  bool usually_adaptive = false;           // where nothing is said of temperatures
  bool labelled = false;                   // learns from labels
  SgdValues sgd = {};                      // of the plain loss
  SgdValues sgd_adaptive = {};
};

// Whose batch-norm statistics an image shares.
struct BatchNormOptions {
  bool joint_views = false;  // of both views of a batch, or of its own view
  int64_t splits = 1;        // parts of a view with statistics of their own, as of one device each

  // How the encoder runs in training if it sees `views` views.
  ForwardContext training_context(int64_t views) const {
    return {.phase = Phase::train, .batch_norm_groups = (joint_views ? 1 : views) * splits};
  }
  void visit_settings(const SettingVisitor& visitor);
};
inline constexpr const char* kBatchNormViews[] = {"separate", "joint"};

// Heads that are usual with these temperatures.
inline int64_t usual_heads(const TemperatureChoice& choice) {
  return choice.adaptive ? 3 : 1;
}

// The settings and the shapes that every method has.
template <class Options>
void visit_encoder_settings(Options& options, const SettingVisitor& visitor) {
  options.backbone.visit_settings(visitor);
  options.projector.visit_settings(visitor);
  options.batch_norm.visit_settings(visitor);
}
template <class Options>
void visit_encoder_shapes(const Options& options, const ShapeVisitor& visitor) {
  options.backbone.visit_shapes("backbone", visitor);
  options.projector.visit_shapes("projector", options.backbone.feature_dim(), visitor);
}

// The same of a temperature net over the features of a projection, where there is one.
void visit_net_shapes(const ObjectiveOptions& objective, const ProjectionHeadOptions& projector,
                      const ShapeVisitor& visitor);

// What all contrastive objectives have.
void visit_contrastive_settings(ObjectiveOptions& objective, int64_t heads,
                                const SettingVisitor& visitor);

}  // namespace amcl
