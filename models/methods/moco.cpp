#include "models/methods/moco.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "engine/core/philox.h"
#include "models/objectives/amcl_moco.h"

namespace amcl {
namespace {

const MocoOptions& checked(const MocoOptions& options) {
  AMCL_CHECK(options.encoder_momentum >= 0.0 && options.encoder_momentum <= 1.0,
             "encoder_momentum: must be from 0 to 1, got ", options.encoder_momentum);
  return options;
}

// Where each row of a batch goes: within its view, uniformly over all orders.
std::vector<int32_t> shuffled_rows(uint64_t seed, int64_t step, int64_t views, int64_t images) {
  std::vector<int32_t> order(static_cast<size_t>(views * images));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t view = 0; view < views; ++view) {
    RandomStream random(seed, RandomPurpose::shuffle, 0, static_cast<uint64_t>(step),
                        static_cast<uint32_t>(view));
    shuffle(
        std::span(order).subspan(static_cast<size_t>(view * images), static_cast<size_t>(images)),
        random);
  }
  return order;
}

std::vector<int32_t> inverse(const std::vector<int32_t>& order) {
  std::vector<int32_t> result(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    result[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
  return result;
}

// x[index] along axis 0, whatever the other axes; no gradient.
Tensor gathered(const Tensor& x, const Tensor& index) {
  Tensor y = Tensor::empty(x.device(), {x.dim(0), x.count() / x.dim(0)}, x.dtype());
  backend_of(x).gather_rows(x.view(y.shape()), index, y);
  return y.view(x.shape());
}

}  // namespace

MocoOptions MocoOptions::usual(const TemperatureChoice& choice) {
  return {.backbone = {},
          .projector = {.heads = usual_heads(choice)},
          .objective = contrastive_objective(choice, "infonce_queue", *traits.temperature)};
}

void MocoOptions::visit_settings(const SettingVisitor& visitor) {
  visit_encoder_settings(*this, visitor);
  visit_contrastive_settings(objective, projector.heads, visitor);
  visitor({.table = "model",
           .key = "queue",
           .value = "K",
           .unit = "keys",
           .help = "negatives kept from past batches, per head",
           .range = {.low = 1}},
          &queue);
  visitor({.table = "model",
           .key = "encoder_momentum",
           .value = "M",
           .help = "share that the momentum encoder keeps of itself in a step; with byol in the "
                   "first step, from where it rises to 1",
           .range = {.low = 0, .high = 1}},
          &encoder_momentum);
  visitor({.table = "model",
           .key = "symmetric",
           .help = "each view queries keys of the other, not only view 1 those of view 2"},
          &symmetric);
  visitor({.table = "model",
           .key = "shuffle_bn",
           .help = "keys in shuffled order, so that query and key share no batch-norm statistics; "
                   "needs --bn-splits above 1"},
          &shuffle_bn);
}

void MocoOptions::visit_shapes(const ShapeVisitor& visitor) const {
  visit_encoder_shapes(*this, visitor);
  visit_net_shapes(objective, projector, visitor);
  for (int64_t head = 0; head < projector.heads; ++head)
    visitor(concat_text("queue.", head, ".keys"), {queue, projector.dim});
}

std::string MocoOptions::warning() const {
  if (!shuffle_bn || batch_norm.splits > 1) return {};
  return "shuffle_bn has no effect with --bn-splits 1: all keys of a view share their batch-norm "
         "statistics with all queries of it; set --bn-splits 8";
}

Moco::Moco(Backend& backend, uint64_t seed, const MocoOptions& options, DType dtype)
    : TwoViewMethod(backend, seed, dtype, checked(options).backbone, options.projector,
                    options.objective),
      seed_(seed),
      options_(options),
      momentum_encoder_(Initializer(backend, seed, dtype), options.backbone, options.projector),
      queue_(backend, seed, options.projector.heads, options.queue, options.projector.dim,
             stat_dtype(dtype)) {
  momentum_encoder_.set_momentum(options.encoder_momentum);
  make_temperature_net(options.projector.heads, options.projector.dim);
}

void Moco::prepare_step(int64_t number, int64_t /*steps*/) {
  step_ = number;
  for (auto& [rows, shuffle] : shuffles_) draw(rows, shuffle);
  if (keys_per_step_ > 0) queue_.set_place((step_ - 1) * keys_per_step_);
}

void Moco::follow_at_once() {
  momentum_encoder_.copy(backbone_, heads_);
}

void Moco::begin_step() {
  momentum_encoder_.follow(backbone_, heads_);
}

void Moco::draw(int64_t rows, Shuffle& shuffle) const {
  const int64_t views = options_.symmetric ? 2 : 1;
  const std::vector<int32_t> order = shuffled_rows(seed_, step_, views, rows / views);
  const std::vector<int32_t> back = inverse(order);
  Device& device = shuffle.order.device();
  device.copy_from_host(shuffle.order.raw(), order.data(), shuffle.order.bytes());
  device.copy_from_host(shuffle.back.raw(), back.data(), shuffle.back.bytes());
}

// The first step with so many rows makes the memory.
const Moco::Shuffle& Moco::shuffle_of(int64_t rows) {
  Shuffle& shuffle = shuffles_[rows];
  if (!shuffle.order.defined()) {
    Device& device = queue_.keys().device();
    shuffle = {.order = Tensor::empty(device, {rows}, DType::i32),
               .back = Tensor::empty(device, {rows}, DType::i32)};
    draw(rows, shuffle);
  }
  return shuffle;
}

Tensor Moco::keys_of(const Tensor& images, const ForwardContext& context) {
  if (!options_.shuffle_bn || context.phase == Phase::eval)
    return momentum_encoder_.forward(images, context);
  const auto& [order, back] = shuffle_of(images.dim(0));
  const Tensor k = momentum_encoder_.forward(gathered(images, order), context);
  Tensor restored = Tensor::empty_like(k);
  for (int64_t head = 0; head < k.dim(0); ++head) {
    Tensor rows = restored.slice(head, head + 1).view({k.dim(1), k.dim(2)});
    backend_of(k).gather_rows(k.slice(head, head + 1).view(rows.shape()), back, rows);
  }
  return restored;
}

Projections Moco::project(const Tensor& images, const ForwardContext& context) {
  AMCL_CHECK(images.rank() == 4 && images.dim(0) % 2 == 0,
             "moco: images must be two views [2N, H, W, 3], got ", images.shape());
  const int64_t half = images.dim(0) / 2;
  const Tensor queried = options_.symmetric ? images : images.slice(0, half);
  const Tensor keyed = options_.symmetric ? images : images.slice(half, 2 * half);
  const Tensor queries = head(encode(queried, context), context);
  return {queries, keys_of(keyed, context)};
}

InfoNceQueueOptions Moco::info_nce_options() const {
  return {.temperature = options_.objective.temperature,
          .with_positive = options_.objective.with_positive};
}

Loss Moco::objective(const Projections& projections) {
  AMCL_CHECK(projections.size() == 2, "moco: the loss reads queries and keys, got ",
             projections.size(), " tensors");
  const Tensor& q = projections[0];
  const Tensor k = tape::detach(projections[1]);
  keys_ = l2_normalize(k);
  // The mean over both views' queries is half of the sum of the two directions' losses.
  const Tensor own = options_.symmetric ? roll_rows(k, k.dim(1) / 2) : k;
  if (temperature_net() != nullptr)
    return amcl_moco(q, own, queue_.keys(), temperature_net(), options_.objective.amcl);
  return info_nce_queue(q, own, queue_.keys(), info_nce_options());
}

void Moco::finish_step(const Tensor& nullable_gate) {
  if (!keys_.defined()) return;
  if (keys_per_step_ != keys_.dim(1)) {
    keys_per_step_ = keys_.dim(1);
    queue_.set_place((step_ - 1) * keys_per_step_);
  }
  queue_.write(keys_, nullable_gate);
  keys_ = {};
}

ComparedPairs Moco::compared_pairs(const Projections& projections, int64_t anchors) {
  return compare_rows(projections[0], projections[1], options_.symmetric ? 2 : 1, anchors,
                      temperature_net(), objective_options_.amcl.range);
}

double Moco::chance_level(int64_t /*images*/) const {
  const int64_t heads = options_.projector.heads;
  return options_.objective.adaptive
             ? amcl_moco_chance_level(heads, options_.queue, options_.projector.dim,
                                      options_.objective.amcl)
             : info_nce_queue_chance_level(heads, options_.queue, info_nce_options());
}

int64_t Moco::pair_count(int64_t images) const {
  return options_.projector.heads * (options_.symmetric ? 2 : 1) * images * (1 + options_.queue);
}

void Moco::visit_buffers(const ModuleVisitor& visitor) {
  momentum_encoder_.visit("momentum_encoder", visitor);
  queue_.visit("queue", visitor);
}

}  // namespace amcl
