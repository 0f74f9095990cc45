#include "models/temperature_net.h"

#include <cmath>
#include <span>
#include <vector>

namespace amcl {
namespace {

// The extents of a parameter of one net, or of one net per head side by side.
Shape parameter_shape(int64_t heads, bool shared, std::initializer_list<int64_t> one_net) {
  if (shared) return Shape(one_net);
  std::vector<int64_t> extents = {heads};
  extents.insert(extents.end(), one_net);
  return Shape(std::span<const int64_t>(extents));
}

}  // namespace

void TemperatureNetOptions::visit_settings(bool dot_only, const SettingVisitor& visitor) {
  visitor({.table = "objective",
           .key = "phi",
           .value = "NAME",
           .help = "how the temperature net scores a pair",
           .complaint =
               [this, dot_only] {
                 return dot_only && kind != TemperatureNetKind::dot ? "must be dot for this method"
                                                                    : "";
               }},
          Choice(kind, kTemperatureNetNames));
  visitor({.table = "objective",
           .key = "phi_hidden",
           .value = "N",
           .unit = "units",
           .help = "hidden layer of the temperature net",
           .range = {.low = 1}},
          &hidden);
  visitor({.table = "objective", .key = "phi_shared", .help = "one temperature net for all heads"},
          &shared);
  visitor(
      {.table = "objective", .key = "score_scale", .value = "X", .help = "factor of the score dot"},
      &score_scale);
}

void TemperatureNetOptions::visit_shapes(const std::string& prefix, int64_t heads, int64_t features,
                                         const ShapeVisitor& visitor) const {
  const int64_t input = kind == TemperatureNetKind::concat ? 2 * features : features;
  for (int64_t head = 0; head < (shared ? 1 : heads); ++head)
    visitor(shared ? join(prefix, "w1") : concat_text(prefix, '.', head, ".w1"), {hidden, input});
}

TemperatureNet::TemperatureNet(Initializer& initializer, int64_t heads, int64_t features,
                               const TemperatureNetOptions& options)
    : options_(options), heads_(options.shared ? 0 : heads), features_(features) {
  AMCL_CHECK(heads >= 1 && features >= 1, "temperature net: needs heads and features, got ", heads,
             " and ", features);
  AMCL_CHECK(options.hidden >= 1 && options.output >= 0,
             "temperature net: hidden and output widths must be positive, got ", options.hidden,
             " and ", options.output);
  const bool dot = options.kind == TemperatureNetKind::dot;
  const int64_t input = dot ? features : 2 * features;
  const int64_t output = dot ? (options.output > 0 ? options.output : features) : 1;
  const auto make = [&](std::initializer_list<int64_t> one_net, int64_t fan_in) {
    return Parameter(
        initializer.uniform_fan_in(parameter_shape(heads, options.shared, one_net), fan_in),
        ParameterRole::temperature, !options.shared);
  };
  w1 = make({options.hidden, input}, input);
  b1 = make({options.hidden}, input);
  w2 = make({output, options.hidden}, options.hidden);
  b2 = make({output}, options.hidden);
}

TemperatureNet::TemperatureNet(const TemperatureNetOptions& options, const Tensor& w1_value,
                               const Tensor& b1_value, const Tensor& w2_value,
                               const Tensor& b2_value)
    : options_(options) {
  AMCL_CHECK(w1_value.rank() == 3 && w2_value.rank() == 3,
             "temperature net: w1 and w2 must be [nets, out, in], got ", w1_value.shape(), " and ",
             w2_value.shape());
  const bool dot = options.kind == TemperatureNetKind::dot;
  const int64_t nets = w1_value.dim(0);
  const int64_t input = w1_value.dim(2);
  options_.hidden = w1_value.dim(1);
  options_.output = w2_value.dim(1);
  options_.shared = nets == 1;
  heads_ = options_.shared ? 0 : nets;
  features_ = dot ? input : input / 2;
  AMCL_CHECK(dot || (input % 2 == 0 && options_.output == 1),
             "temperature net: the concat form needs w1 [nets, h, 2 d] and w2 [nets, 1, h], got ",
             w1_value.shape(), " and ", w2_value.shape());
  AMCL_CHECK((b1_value.shape() == Shape{nets, options_.hidden}) &&
                 (w2_value.shape() == Shape{nets, options_.output, options_.hidden}) &&
                 (b2_value.shape() == Shape{nets, options_.output}),
             "temperature net: b1 ", b1_value.shape(), ", w2 ", w2_value.shape(), " and b2 ",
             b2_value.shape(), " do not fit w1 ", w1_value.shape());
  const auto take = [&](const Tensor& value) {
    const Shape one_net(value.shape().extents().subspan(1));
    return Parameter(options_.shared ? value.view(one_net) : value, ParameterRole::temperature,
                     !options_.shared);
  };
  w1 = take(w1_value);
  b1 = take(b1_value);
  w2 = take(w2_value);
  b2 = take(b2_value);
}

void TemperatureNet::check(const char* what, const Tensor& anchors,
                           const Tensor& candidates) const {
  const auto fits = [&](const Tensor& u) {
    return u.rank() == 3 && u.dim(2) == features_ && (heads_ == 0 || u.dim(0) == heads_);
  };
  AMCL_CHECK(fits(anchors) && fits(candidates) && anchors.dim(0) == candidates.dim(0), what,
             ": the temperature net takes [", heads_ == 0 ? "heads" : std::to_string(heads_),
             ", rows, ", features_, "], got anchors ", anchors.shape(), " and candidates ",
             candidates.shape());
}

Tensor TemperatureNet::embed(const Tensor& u) {
  return linear(relu(linear(u, w1.tracked(), b1.tracked())), last_weight(), last_bias());
}

PairScoreRows TemperatureNet::score_rows(const PairRows& rows) {
  const auto& [anchors, candidates, own] = rows;
  check("scores", anchors, candidates);
  if (own.defined()) check("scores", anchors, own);
  const auto seen = [this](const Tensor& x) { return options_.detach ? tape::detach(x) : x; };
  PairScoreRows result;
  if (options_.kind == TemperatureNetKind::concat) {
    const ConcatForm form = concat_form();
    const auto of_candidates = [&](const Tensor& x) { return linear(seen(x), form.candidate, {}); };
    result.rows = {.anchors = linear(seen(anchors), form.anchor, form.bias),
                   .candidates = of_candidates(candidates)};
    if (own.defined()) result.rows.nullable_own = of_candidates(own);
    result.nullable_w2 = form.output;
    result.nullable_b2 = form.output_bias;
    return result;
  }
  const bool same = anchors.same_block(candidates) && anchors.shape() == candidates.shape();
  const Tensor p = embed(seen(anchors));
  result.rows = {.anchors = options_.score_scale == 1.0 ? p : scale(p, options_.score_scale),
                 .candidates = same ? p : embed(seen(candidates))};
  if (own.defined()) result.rows.nullable_own = embed(seen(own));
  return result;
}

Tensor TemperatureNet::scores(const Tensor& anchors, const Tensor& candidates) {
  const PairScoreRows score = score_rows({.anchors = anchors, .candidates = candidates});
  const auto& [a, b, own] = score.rows;
  return score.nullable_w2.defined() ? concat_scores(a, b, score.nullable_w2, score.nullable_b2)
                                     : matmul(a, b, {.trans_b = true});
}

Tensor TemperatureNet::aligned_scores(const Tensor& anchors, const Tensor& candidates) {
  check("aligned_scores", anchors, candidates);
  AMCL_CHECK(anchors.shape() == candidates.shape(), "aligned_scores: anchors ", anchors.shape(),
             " and candidates ", candidates.shape(), " must have the same rows");
  const Tensor u = options_.detach ? tape::detach(anchors) : anchors;
  const Tensor v = options_.detach ? tape::detach(candidates) : candidates;
  if (options_.kind == TemperatureNetKind::dot) {
    const Tensor r = row_dot(embed(u), embed(v));
    return options_.score_scale == 1.0 ? r : scale(r, options_.score_scale);
  }
  const ConcatForm form = concat_form();
  const Tensor hidden = relu(add(linear(u, form.anchor, form.bias), linear(v, form.candidate, {})));
  return reshape(linear(hidden, last_weight(), last_bias()), anchors.shape().without_last());
}

TemperatureNet::ConcatForm TemperatureNet::concat_form() {
  const Tensor weight = w1.tracked();
  const int last = weight.rank() - 1;
  const int64_t sets = options_.shared ? 1 : heads_;
  return {.anchor = slice(weight, last, 0, features_),
          .candidate = slice(weight, last, features_, 2 * features_),
          .bias = b1.tracked(),
          .output = reshape(last_weight(), {sets, options_.hidden}),
          .output_bias = reshape(last_bias(), {sets})};
}

void TemperatureNet::set_temperature_warmup(double share) {
  warmup_.set(options_.kind == TemperatureNetKind::dot ? std::sqrt(share) : share, w2.value);
}

void TemperatureNet::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  const std::string place = options_.shared ? prefix : join(prefix, "*");
  visitor.parameter(join(place, "w1"), w1);
  visitor.parameter(join(place, "b1"), b1);
  visitor.parameter(join(place, "w2"), w2);
  visitor.parameter(join(place, "b2"), b2);
}

}  // namespace amcl
