// The temperature net phi: it reads the normalised features of a pair and gives the score r, from
// which the pair's temperature is computed (spec S3.1, S3.2).
//
//   dot     P(u) = W2 relu(W1 u + b1) + b2;     r[i,j] = score_scale P(u_i) . P(v_j)      symmetric
//   concat  r[i,j] = w2 . relu(W1 [u_i; v_j] + b1) + b2, the anchor first             not symmetric
//
//   W1 [h, d] (dot) or [h, 2d] (concat), b1 [h], W2 [e, h] (dot) or [1, h] (concat), b2 [e] or [1].
// One net serves all heads, or each head has its own: then every parameter has a leading axis [C].
#pragma once
#include <string>

#include "engine/core/setting.h"
#include "engine/nn/init.h"
#include "engine/nn/parameter.h"
#include "engine/ops/ops.h"
#include "models/temperature_warmup.h"

namespace amcl {

enum class TemperatureNetKind : uint8_t { dot, concat };
inline constexpr const char* kTemperatureNetNames[] = {"dot", "concat"};

struct TemperatureNetOptions {
  TemperatureNetKind kind = TemperatureNetKind::dot;
  int64_t hidden = 128;      // h
  int64_t output = 0;        // e of dot; 0: as many as features
  bool shared = true;        // one net for all heads
  double score_scale = 1.0;  // k of dot
  bool detach = false;       // stop the gradient from the scores to the features (spec S3.3)

  // `dot_only`: concat is refused.
  void visit_settings(bool dot_only, const SettingVisitor& visitor);
  // Name and shape of the first layer's weights.
  void visit_shapes(const std::string& prefix, int64_t heads, int64_t features,
                    const ShapeVisitor& visitor) const;
};

class TemperatureNet {
 public:
  // For `heads` heads of `features` features each. Weights and biases start uniform in
  // +-1/sqrt(fan_in): with a zero last layer the dot form would start at a saddle (spec S3.5).
  TemperatureNet(Initializer& initializer, int64_t heads, int64_t features,
                 const TemperatureNetOptions& options);
  // From given values, in the shapes above with a leading axis 1 (shared) or C; hidden, output and
  // shared of the options follow from them.
  TemperatureNet(const TemperatureNetOptions& options, const Tensor& w1_value,
                 const Tensor& b1_value, const Tensor& w2_value, const Tensor& b2_value);

  // What gives the scores of all pairs of rows of anchors [C, A, d] and candidates [C, B, d] and, if
  // there is one, of the anchors' own candidates [C, A, d], all unit rows.
  PairScoreRows score_rows(const PairRows& rows);
  // r [C, A, B] of all pairs of rows of anchors and candidates.
  Tensor scores(const Tensor& anchors, const Tensor& candidates);
  // r [C, A] of the pairs (anchors_i, candidates_i) only, both [C, A, d].
  Tensor aligned_scores(const Tensor& anchors, const Tensor& candidates);
  // From now on `share` (from 0 to 1) of each score counts. To be set between steps.
  void set_temperature_warmup(double share);
  void visit(const std::string& prefix, const ModuleVisitor& visitor);

  const TemperatureNetOptions& options() const { return options_; }
  int64_t features() const { return features_; }

  Parameter w1;
  Parameter b1;
  Parameter w2;
  Parameter b2;

 private:
  // The parameters of the concat form, W1 cut into [Wa | Wb].
  struct ConcatForm {
    Tensor anchor;       // Wa [h, d]
    Tensor candidate;    // Wb [h, d]
    Tensor bias;         // b1
    Tensor output;       // w2 [1 or C, h]
    Tensor output_bias;  // b2 [1 or C]
  };

  void check(const char* what, const Tensor& anchors, const Tensor& candidates) const;
  Tensor embed(const Tensor& u);  // P [C, M, e] of the dot form
  ConcatForm concat_form();
  // W2 and b2 as the scores read them.
  Tensor last_weight() { return warmup_.applied_to(w2.tracked()); }
  Tensor last_bias() { return warmup_.applied_to(b2.tracked()); }

  TemperatureNetOptions options_;
  int64_t heads_;  // 0: any number, sharing one net
  int64_t features_;
  TemperatureWarmup warmup_;  // dot: its root, since P is on both sides
};

}  // namespace amcl
