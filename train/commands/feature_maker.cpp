#include "train/commands/feature_maker.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/views/dataset_placement.h"
#include "data/views/evaluation_batches.h"
#include "data/views/view_maker.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"
#include "train/config/setting_value.h"
#include "train/encoder/encoder.h"
#include "train/evaluation/stored_model.h"

namespace amcl {
namespace {

constexpr int64_t kViewsPerEpoch = 2;

void normalize_rows(std::span<float> rows, int64_t width) {
  for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(width)) {
    const std::span<float> row = rows.subspan(begin, static_cast<size_t>(width));
    double squares = 0.0;
    for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    const auto scale = static_cast<float>(squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0);
    for (float& x : row) x *= scale;
  }
}

// Views f32 [images, H, W, 3] of one epoch, one or two of each image, in parallel over images.
std::vector<Tensor> views_of(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
                             uint64_t seed, uint32_t epoch, int64_t count,
                             std::span<const int64_t> images) {
  Backend& maker = maker_of_views(dataset, backend);
  const ImageExtent view = dataset.view_extent();
  const auto rows = static_cast<int64_t>(images.size());
  std::vector<Tensor> views;
  for (int64_t i = 0; i < count; ++i)
    views.push_back(Tensor::empty(maker, {rows, view.height, view.width, 3}, DType::f32));
  parallel_for(rows, /*grain=*/1, [&](int64_t first, int64_t last) {
    std::vector<Tensor> parts;
    for (const Tensor& whole : views) parts.push_back(whole.slice(first, last));
    ViewMaker one(maker, dataset, policy, seed);
    const std::vector<int64_t> bad = one.make(
        epoch, images.subspan(static_cast<size_t>(first), static_cast<size_t>(last - first)),
        parts);
    if (!bad.empty())
      fail(ErrorKind::data, dataset.image_name(images[static_cast<size_t>(first + bad.front())]),
           ": cannot be read any more");
  });
  if (&maker != &backend)
    for (Tensor& whole : views) whole = upload_to(backend, whole);
  return views;
}

}  // namespace

FeatureMaker::FeatureMaker(const EncoderFile& file, const FeatureOptions& options, Backend& backend)
    : options_(options), backend_(backend) {
  if (options.layer == "projection") {
    use_projection(file);
  } else {
    const DType activations = options.precision == "bf16" ? DType::bf16 : DType::f32;
    if (const std::string reason = backend.reason_against(activations); !reason.empty())
      fail(ErrorKind::usage, "--precision is bf16: ", reason, "; use f32");
    auto encoder = std::make_shared<Encoder>(file, backend, activations);
    forward_ = [encoder](const Tensor& images) { return encoder->features(images); };
    width_ = encoder->feature_dim();
  }
  if (options.views > 0 && is_checkpoint_of_run(file.path))
    trained_ = config_of(read_checkpoint(file.path)).augment;
}

// The heads are part of the method that the checkpoint's configuration describes.
void FeatureMaker::use_projection(const EncoderFile& file) {
  if (!is_checkpoint_of_run(file.path))
    fail(ErrorKind::data, file.path,
         ": holds no projection heads, as only checkpoints of runs do; use --layer backbone");
  AMCL_CHECK(options_.precision == "f32",
             "--precision is bf16: --layer projection computes in f32; leave it out");
  const Checkpoint checkpoint = read_checkpoint(file.path);
  const Config config = config_of(checkpoint);
  const ProjectionHeadOptions heads = common(config.method).projector;
  AMCL_CHECK(options_.head < heads.heads, "--head is ", options_.head, ": ", file.path, " has ",
             heads.heads, heads.heads == 1 ? " head" : " heads", ", counted from 0");
  std::shared_ptr<Method> method = build_stored(checkpoint, config, backend_);
  load_weights(checkpoint, [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  forward_ = [method, head = options_.head](const Tensor& images) {
    const Tensor all =
        method->projections(images, {.phase = Phase::eval, .update_running_statistics = false});
    return all.slice(head, head + 1).view({all.dim(1), all.dim(2)});
  };
  width_ = heads.dim;
}

AugmentPolicy FeatureMaker::policy(const Dataset& dataset) const {
  AugmentPolicy policy = trained_.value_or(AugmentPolicy{});
  const ImageExtent view = dataset.view_extent();
  if (!policy.blur) policy.blur = usual_blur(std::max(view.height, view.width));
  return policy;
}

std::string FeatureMaker::policy_text(const Dataset& dataset) const {
  if (options_.views == 0) return {};
  std::string text;
  AugmentPolicy drawn = policy(dataset);
  drawn.visit_settings([&](const Setting& setting, const SettingField& field) {
    text += concat_text(text.empty() ? "" : ", ", setting.key, ' ', text_of(field));
  });
  return text;
}

std::vector<float> FeatureMaker::mean_over_views(const Dataset& dataset,
                                                 std::span<const int64_t> images) const {
  const AugmentPolicy drawn = policy(dataset);
  std::vector<double> sums(images.size() * static_cast<size_t>(width_));
  for (int64_t view = 0; view < options_.views; view += kViewsPerEpoch) {
    const auto epoch = static_cast<uint32_t>(view / kViewsPerEpoch);
    const int64_t count = std::min(kViewsPerEpoch, options_.views - view);
    for (const Tensor& batch :
         views_of(backend_, dataset, drawn, options_.seed, epoch, count, images)) {
      const std::vector<float> made = forward_(batch).to_host<float>();
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(made[i]);
    }
  }
  std::vector<float> means(sums.size());
  std::transform(sums.begin(), sums.end(), means.begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(options_.views));
  });
  return means;
}

std::vector<float> FeatureMaker::rows(const Dataset& dataset,
                                      std::span<const int64_t> images) const {
  std::vector<float> made =
      options_.views > 0 ? mean_over_views(dataset, images)
                         : forward_(evaluation_batch(backend_, dataset, images)).to_host<float>();
  if (!std::all_of(made.begin(), made.end(), [](float x) { return std::isfinite(x); }))
    fail(ErrorKind::numeric, "the features of ", dataset.name,
         " are not finite: the training of this model has failed");
  if (options_.normalize) normalize_rows(made, width_);
  return made;
}

}  // namespace amcl
