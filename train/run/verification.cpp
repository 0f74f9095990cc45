#include "train/run/verification.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/views/evaluation_batches.h"
#include "engine/core/parallel_for.h"
#include "train/checkpoint/checkpoint.h"
#include "train/evaluation/stored_model.h"

namespace amcl {
namespace {

// The largest |a - b| as a share of the largest |b|; NaN if one is not finite.
double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0.0;
  double largest = 0.0;
  for (size_t i = 0; i < b.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return std::nan("");
    difference = std::max(difference, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return largest > 0.0 ? difference / largest : difference;
}

void compare_features(const Checkpoint& checkpoint, Method& method, Backend& backend,
                      Verification& verification) {
  const Probe probe = load_probe(checkpoint, backend);
  Dataset images;
  images.images = probe.images;
  images.normalization = checkpoint.encoder.preprocessing.normalization;
  const Tensor features =
      method.features(evaluation_batch(backend, images, 0, images.count()), {.phase = Phase::eval});
  if (features.shape() != probe.features.shape())
    fail(ErrorKind::data, checkpoint.path, ": its probe has features ", probe.features.shape(),
         ", the model gives ", features.shape());
  const std::vector<double> now = features.to_host<double>();
  const std::vector<double> then = probe.features.to_host<double>();
  verification.probe_images = images.count();
  verification.same_bits = now == then;
  verification.largest_difference = relative_difference(now, then);
  if (!(verification.largest_difference <= kProbeTolerance))
    fail(ErrorKind::data, checkpoint.path, ": the features of its ", images.count(),
         " probe images differ by ", verification.largest_difference,
         " of the largest one, more than ", kProbeTolerance,
         ": its weights or this program compute something else");
}

}  // namespace

Verification verify_checkpoint(const std::string& path, Backend& backend, int64_t threads) {
  const Checkpoint checkpoint = read_checkpoint(path);
  const TrainerState& state = checkpoint.state;
  const Config config = config_of(checkpoint);
  const auto [backbone, projector, objective, batch_norm] = common(config.method);
  Verification result{
      .model = concat_text(backbone.backbone, " of width ", backbone.width, ", ", projector.heads,
                           projector.heads == 1 ? " head" : " heads"),
      .tensors = static_cast<int64_t>(checkpoint.file.tensors.size()),
      .bytes = static_cast<int64_t>(std::filesystem::file_size(path)),
      .crc = checkpoint.file.metadata.at("crc32c"),
      .epoch = state.epoch,
      .step = state.step,
      .seed = state.seed,
      .commit = state.commit,
      .threads = threads > 0 ? threads : state.threads};
  set_compute_threads(static_cast<int>(result.threads));

  const std::unique_ptr<Method> method = build_stored(checkpoint, config, backend);
  const VisitFunction visit = [&](const ModuleVisitor& visitor) { method->visit(visitor); };
  load_weights(checkpoint, visit);
  ParameterArena arena(backend, visit);
  Optimizer optimizer(arena, config.optimizer);
  load_optimizer(checkpoint, arena, optimizer.memories());
  compare_features(checkpoint, *method, backend, result);
  return result;
}

}  // namespace amcl
