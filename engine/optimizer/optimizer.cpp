#include "engine/optimizer/optimizer.h"

#include <array>
#include <limits>
#include <utility>

namespace amcl {
namespace {

bool is_norm_or_bias(ParameterRole role) {
  return role == ParameterRole::norm || role == ParameterRole::bias;
}

bool alike(const OptimizerSegment& left, const OptimizerSegment& right) {
  return left.weight_decay == right.weight_decay && left.rate_scale == right.rate_scale &&
         left.trust_ratio == right.trust_ratio;
}

// Tensors that have a trust ratio of their own stay apart, each head of a stack too. Neighbours that
// are treated alike become one segment otherwise, gaps included: they are zeros and stay zeros.
std::vector<OptimizerSegment> segments_of(const ParameterArena& arena,
                                          const OptimizerOptions& options, bool constant_rate) {
  const bool by_tensor =
      std::visit([]<class Rule>(const Rule&) { return kHasTrustRatio<Rule>; }, options.rule);
  std::vector<OptimizerSegment> segments;
  bool neighbours = false;
  for (const ParameterArena::Entry& entry : arena.entries()) {
    const Parameter& parameter = *entry.parameter;
    const bool after_own_kind = std::exchange(neighbours, parameter.constant_rate == constant_rate);
    if (!neighbours) continue;
    const bool plain = is_norm_or_bias(parameter.role);
    OptimizerSegment segment{
        .begin = entry.begin,
        .end = entry.end,
        .weight_decay = plain && !options.decay_norm_bias ? 0.0 : options.weight_decay,
        .rate_scale = parameter.rate_scale * (plain ? options.norm_bias_rate : 1.0),
        .trust_ratio = by_tensor && !plain};
    if (segment.trust_ratio) {
      const int64_t tensors = parameter.stacked ? parameter.value.dim(0) : 1;
      const int64_t size = (entry.end - entry.begin) / tensors;
      for (int64_t i = 0; i < tensors; ++i) {
        segment.begin = entry.begin + i * size;
        segment.end = segment.begin + size;
        segments.push_back(segment);
      }
    } else if (after_own_kind && alike(segments.back(), segment)) {
      segments.back().end = segment.end;
    } else {
      segments.push_back(segment);
    }
  }
  return segments;
}

std::vector<std::string> memory_names(const OptimizerOptions& options) {
  return std::visit(
      [](const auto& rule) {
        return std::vector<std::string>(rule.kMemories.begin(), rule.kMemories.end());
      },
      options.rule);
}

}  // namespace

Optimizer::Optimizer(ParameterArena& arena, const OptimizerOptions& options)
    : arena_(arena),
      options_(options),
      scheduled_(segments_of(arena, options, /*constant_rate=*/false)),
      constant_(segments_of(arena, options, /*constant_rate=*/true)) {
  const Tensor& values = arena.values();
  for (size_t i = 0; i < memory_names(options).size(); ++i)
    memories_.push_back(Tensor::zeros(values.device(), values.shape(), values.dtype()));
  rates_ = Tensor::zeros(values.device(), Shape{3}, values.dtype());
  squares_ = Tensor::zeros(values.device(), Shape{1}, values.dtype());
  gradient_scale_ = Tensor::empty(values.device(), Shape{1}, values.dtype());
  reset_gate();
}

void Optimizer::reset_gate() {
  backend_of(gradient_scale_).fill(gradient_scale_, 1.0);
}

void Optimizer::prepare(double rate, int64_t number, std::optional<double> peak) {
  const std::array rates{rate, peak.value_or(rate), static_cast<double>(number)};
  rates_.assign<double>(rates);
}

void Optimizer::step(const Tensor& loss) {
  const KernelCalls backend = backend_of(squares_);
  backend.sum_of_squares(arena_.gradients(), squares_);
  const bool clips = options_.clip_norm > 0.0;
  backend.clip_scale(squares_, loss,
                     clips ? options_.clip_norm : std::numeric_limits<double>::infinity(),
                     gradient_scale_);
  const auto move = [&](std::span<const OptimizerSegment> segments, const Tensor& rate) {
    if (!segments.empty())
      backend.optimizer_step(options_.rule, segments, rate, gradient_scale_, rates_.slice(2, 3),
                             arena_.gradients(), arena_.values(), memories_);
  };
  move(scheduled_, rates_.slice(0, 1));
  move(constant_, rates_.slice(1, 2));
}

std::vector<OptimizerMemory> Optimizer::memories() const {
  std::vector<OptimizerMemory> memories;
  for (std::string& name : memory_names(options_))
    memories.push_back({std::move(name), memories_[memories.size()]});
  return memories;
}

}  // namespace amcl
