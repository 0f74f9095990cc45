#include "models/temperature_net.h"

#include "engine/ops/ops.h"

namespace amcl {
namespace {

// `leading` extents of a parameter of one net, or of `heads` nets side by side.
Shape parameter_shape(int64_t heads, bool shared, std::initializer_list<int64_t> one_net) {
  if (shared) return Shape(one_net);
  std::vector<int64_t> extents = {heads};
  extents.insert(extents.end(), one_net);
  return Shape(std::span<const int64_t>(extents));
}

}  // namespace

TemperatureNet::TemperatureNet(Initializer& initializer, int64_t heads, int64_t features,
                               const TemperatureNetOptions& options)
    : options_(options), heads_(heads), features_(features) {
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

void TemperatureNet::check(const char* what, const Tensor& anchors,
                           const Tensor& candidates) const {
  AMCL_CHECK(anchors.rank() == 3 && candidates.rank() == 3 && anchors.dim(0) == heads_ &&
                 candidates.dim(0) == heads_ && anchors.dim(2) == features_ &&
                 candidates.dim(2) == features_,
             what, ": the temperature net was made for ", heads_, " heads of ", features_,
             " features, got anchors ", anchors.shape(), " and candidates ", candidates.shape());
}

Tensor TemperatureNet::embed(const Tensor& u) {
  return linear(relu(linear(u, w1.tracked(), b1.tracked())), w2.tracked(), b2.tracked());
}

Tensor TemperatureNet::scores(const Tensor& anchors, const Tensor& candidates) {
  check("scores", anchors, candidates);
  const bool same = anchors.same_block(candidates) && anchors.shape() == candidates.shape();
  const Tensor u = options_.detach ? tape::detach(anchors) : anchors;
  const Tensor v = options_.detach ? tape::detach(candidates) : candidates;
  if (options_.kind == TemperatureNetKind::concat) {
    const ConcatForm form = concat_form();
    return concat_scores(linear(u, form.anchor, form.bias), linear(v, form.candidate, {}),
                         form.output, form.output_bias);
  }
  const Tensor p = embed(u);
  const Tensor r = matmul(p, same ? p : embed(v), {.trans_b = true});
  return options_.score_scale == 1.0 ? r : scale(r, options_.score_scale);
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
  return reshape(linear(hidden, w2.tracked(), b2.tracked()), anchors.shape().without_last());
}

TemperatureNet::ConcatForm TemperatureNet::concat_form() {
  const Tensor weight = w1.tracked();
  const int last = weight.rank() - 1;
  const int64_t sets = options_.shared ? 1 : heads_;
  return {.anchor = slice(weight, last, 0, features_),
          .candidate = slice(weight, last, features_, 2 * features_),
          .bias = b1.tracked(),
          .output = reshape(w2.tracked(), {sets, options_.hidden}),
          .output_bias = reshape(b2.tracked(), {sets})};
}

void TemperatureNet::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  const std::string place = options_.shared ? prefix : join(prefix, "*");
  visitor.parameter(join(place, "w1"), w1);
  visitor.parameter(join(place, "b1"), b1);
  visitor.parameter(join(place, "w2"), w2);
  visitor.parameter(join(place, "b2"), b2);
}

}  // namespace amcl
