#include "train/run/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/sources/good_images.h"
#include "data/views/evaluation_batches.h"
#include "engine/core/parallel_for.h"
#include "train/assembly/build_method.h"
#include "train/config/config_toml.h"
#include "train/version.h"

namespace amcl {
namespace {

constexpr int64_t kProbeImages = 8;

// In all views.
int64_t images_at_once(const TrainOptions& train, int64_t views) {
  return views * std::min(train.encoder_batch(), train.batch);
}

// Over which the scores of adaptive temperatures grow from 0 to their own values.
int64_t temperature_warmup_steps(const Config& config, int64_t steps_per_epoch) {
  return std::llround(common(config.method).objective.temperature_warmup_epochs *
                      static_cast<double>(steps_per_epoch));
}

}  // namespace

Trainer::Trainer(Backend& backend, const Dataset& dataset, const Config& config,
                 const Dataset* test)
    : backend_(backend),
      dataset_(dataset),
      config_(config),
      context_(training_context(config.method)),
      method_(build_method(config, backend)),
      arena_(backend, visit()),
      optimizer_(arena_, config.optimizer),
      loader_(backend, dataset, config.augment,
              {.batch = config.train.batch,
               .views = method_->views(),
               .workers = config.train.workers,
               .seed = config.train.seed}),
      schedule_(config.schedule.of_run(config.train.batch, config.train.epochs,
                                       loader_.steps_per_epoch())),
      temperature_warmup_(temperature_warmup_steps(config, loader_.steps_per_epoch())),
      step_(
          *method_, arena_, optimizer_, [this] { return loader_.views(); },
          {.micro_batch = config.train.micro_batch, .context = context_},
          config.train.capture && loader_.can_be_recorded()) {
  if (test != nullptr && traits_of(config.method).labelled) {
    if (test->count() > 0) held_out_ = *test;
  } else if (test != nullptr && config.train.eval_every > 0) {
    bad_test_images_ = test->bad_images;
    online_ = std::make_unique<OnlineEvaluation>(backend, *method_, dataset, *test, config.augment,
                                                 config.train.seed,
                                                 images_at_once(config.train, method_->views()));
  }
  loader_.start(0, 0);
}

VisitFunction Trainer::visit() {
  return [this](const ModuleVisitor& visitor) { method_->visit(visitor); };
}

void Trainer::restore(const Checkpoint& checkpoint) {
  load_weights(checkpoint, visit());
  load_optimizer(checkpoint, arena_, optimizer_.memories());
  if (online_) online_->load(checkpoint.file, checkpoint.path);
  finished_steps_ = checkpoint.state.step;
  loader_.start(finished_steps_ / steps_per_epoch(), finished_steps_ % steps_per_epoch());
}

void Trainer::initialize(const Checkpoint& checkpoint) {
  load_weights(checkpoint, visit());
}

void Trainer::initialize_backbone(const EncoderFile& encoder) {
  const ResNetOptions own = common(config_.method).backbone;
  const ResNetOptions& other = encoder.backbone;
  if (other.backbone != own.backbone || other.width != own.width || other.stem != own.stem)
    fail(ErrorKind::data, "--init ", encoder.path, " holds a ", other.backbone, " of width ",
         other.width, " (", other.stem, " stem), the run's is a ", own.backbone, " of width ",
         own.width, " (", own.stem, " stem); give --backbone ", other.backbone, " --width ",
         other.width, " --stem ", other.stem);
  load_backbone(encoder, method_->backbone());
  method_->follow_at_once();
}

// Also when the warm-up is over: what it has left in device memory is read on.
std::optional<double> Trainer::temperature_warmup() const {
  if (temperature_warmup_ == 0) return {};
  return std::min(1.0,
                  static_cast<double>(finished_steps_) / static_cast<double>(temperature_warmup_));
}

std::vector<std::string> Trainer::take_bad_images() const {
  std::vector<std::string> messages = dataset_.bad_images->take_messages();
  if (bad_test_images_)
    for (std::string& message : bad_test_images_->take_messages())
      messages.push_back(std::move(message));
  return messages;
}

int64_t Trainer::skipped_images() const {
  return dataset_.bad_images->count() + (bad_test_images_ ? bad_test_images_->count() : 0);
}

ClassifierScores Trainer::score_held_out(const BetweenBatches& between) {
  const ForwardContext context{.phase = Phase::eval, .update_running_statistics = false};
  return score_classifier(
      [&](const Tensor& images) { return method_->projections(images, context); }, backend_,
      *held_out_, images_at_once(config_.train, method_->views()), between);
}

double Trainer::batch_top1(const StepResult& result) const {
  const std::vector<double> logits = result.projections.front().to_host<double>();
  const auto classes = std::ssize(logits) / std::ssize(labels_);
  int64_t right = 0;
  for (auto [row, label] = std::pair(logits.begin(), labels_.begin()); label != labels_.end();
       row += classes, ++label)
    if (std::max_element(row, row + classes) - row == *label) ++right;
  return 100.0 * static_cast<double>(right) / static_cast<double>(labels_.size());
}

std::vector<int32_t> Trainer::labels_of(const std::vector<int64_t>& samples) const {
  std::vector<int32_t> labels;
  for (const int64_t sample : samples)
    labels.push_back(dataset_.labels[static_cast<size_t>(sample)]);
  return labels;
}

void Trainer::advance() {
  const std::vector<int64_t> samples = loader_.prepare();
  if (traits_of(config_.method).labelled && dataset_.labelled()) {
    labels_ = labels_of(samples);
    method_->prepare_labels(labels_);
  }
  step_.launch({.number = finished_steps_ + 1,
                .steps = steps(),
                .rate = schedule_.rate(finished_steps_),
                .peak = schedule_.peak,
                .temperature_warmup = temperature_warmup()});
  if (online_)
    online_->learn(step_.outputs().features, samples,
                   static_cast<double>(finished_steps_) / static_cast<double>(steps()));
  ++finished_steps_;
}

StepResult Trainer::step() {
  advance();
  return result();
}

SafetensorsFile Trainer::checkpoint() {
  step_.result();  // a step that failed must not be counted in it
  const TrainerState state{.epoch = finished_epochs(),
                           .step = finished_steps_,
                           .seed = config_.train.seed,
                           .threads = compute_threads(),
                           .config = to_toml(config_),
                           .data_fingerprint = dataset_.fingerprint(),
                           .commit = program_commit()};
  SafetensorsFile file = make_checkpoint(visit(), arena_, optimizer_.memories(), state,
                                         describe_encoder(), make_probe());
  if (online_) online_->store(file);
  return file;
}

EncoderMetadata Trainer::describe_encoder() const {
  const ResNetOptions backbone = common(config_.method).backbone;
  return {.backbone = backbone.backbone,
          .stem = backbone.stem,
          .width = backbone.width,
          .preprocessing = preprocessing_of(dataset_),
          .classes = dataset_.class_count(),
          .class_names = dataset_.class_names};
}

Probe Trainer::make_probe() {
  std::vector<int64_t> all(static_cast<size_t>(dataset_.count()));
  std::iota(all.begin(), all.end(), 0);
  const std::vector<int64_t> first = good_images(dataset_, all, kProbeImages);
  const auto count = std::ssize(first);
  Dataset probe;
  probe.images = evaluation_pixels(backend_, dataset_, first);
  probe.normalization = dataset_.normalization;
  return {.images = probe.images,
          .features = method_->features(evaluation_batch(backend_, probe, 0, count),
                                        {.phase = Phase::eval})};
}

}  // namespace amcl
