// A training run's state and its next step: model, optimiser, loader, schedule, position. What
// surrounds it (run directory, log, signals) is in pretrain.h.
#pragma once
#include <memory>

#include "data/dataset.h"
#include "data/views/loader.h"
#include "engine/optimizer/optimizer.h"
#include "engine/optimizer/schedule.h"
#include "models/methods/method.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"
#include "train/encoder/encoder_file.h"
#include "train/evaluation/classifier_scores.h"
#include "train/evaluation/online_evaluation.h"
#include "train/step/repeated_step.h"

namespace amcl {

class Trainer {
 public:
  // `backend` and `dataset` must outlive the trainer; the data set lives in the backend's memory.
  // `test` is for the online evaluation (eval_every), which copies what it needs of it, and for a method
  // that learns from labels the images that are held out; null: the run has none. Throws Error(usage) naming the setting that cannot be.
  Trainer(Backend& backend, const Dataset& dataset, const Config& config,
          const Dataset* test = nullptr);

  // Takes weights, optimiser, buffers and position from a checkpoint of the same configuration and
  // data: the run goes on to the same bits.
  void restore(const Checkpoint& checkpoint);
  // Takes weights and buffers only.
  void initialize(const Checkpoint& checkpoint);
  // Those of the backbone. Error(data) if it is another network.
  void initialize_backbone(const EncoderFile& encoder);

  // Gives the next step to the device. Throws Error(numeric), with the weights untouched, if loss
  // or gradient are not finite: those of this step, or on an asynchronous device those of the step
  // before (RepeatedStep).
  void advance();
  // The last step's result; waits for it and throws the same.
  StepResult result() { return step_.result(); }
  // Both.
  StepResult step();
  // The loss of the last step that is known without waiting.
  double known_loss() const { return step_.known_loss(); }
  // Whether the last step was replayed.
  bool captured() const { return step_.captured(); }
  std::string take_warning() { return step_.take_warning(); }  // of StepGraph

  int64_t steps() const { return schedule_.total; }  // of the whole run
  int64_t steps_per_epoch() const { return loader_.steps_per_epoch(); }
  int64_t finished_steps() const { return finished_steps_; }
  int64_t finished_epochs() const { return finished_steps_ / steps_per_epoch(); }
  // The epoch, from 0, that the step which made `finished` steps belongs to.
  int64_t epoch_of(int64_t finished) const { return (finished - 1) / steps_per_epoch(); }
  const Schedule& schedule() const { return schedule_; }
  // Seconds that steps have waited for the loader since the last call.
  double take_wait_seconds() { return loader_.take_wait_seconds(); }
  // A line for each image that could not be read and was skipped since the last call.
  std::vector<std::string> take_bad_images() const;
  // All of them, those of the online evaluation too.
  int64_t skipped_images() const;

  // Null without a test set, or with eval_every = 0, and for a method that learns from labels.
  OnlineEvaluation* online_evaluation() { return online_.get(); }
  // The images that such a method does not learn from; null: there are none.
  const Dataset* held_out() const { return held_out_ ? &*held_out_ : nullptr; }
  ClassifierScores score_held_out(const BetweenBatches& between);
  // The share of the last step's images that it classified as labelled, in percent.
  double batch_top1(const StepResult& result) const;

  // The state as a file in memory.
  SafetensorsFile checkpoint();

  Method& method() { return *method_; }
  ParameterArena& arena() { return arena_; }
  Optimizer& optimizer() { return optimizer_; }

 private:
  VisitFunction visit();
  // Of the next step, while temperatures warm up.
  std::optional<double> temperature_warmup() const;
  EncoderMetadata describe_encoder() const;
  std::vector<int32_t> labels_of(const std::vector<int64_t>& samples) const;
  // Images of the data set and the features that the model has for them now.
  Probe make_probe();

  Backend& backend_;
  const Dataset& dataset_;
  Config config_;
  ForwardContext context_;
  std::unique_ptr<Method> method_;
  ParameterArena arena_;
  Optimizer optimizer_;
  Loader loader_;
  Schedule schedule_;
  int64_t temperature_warmup_;  // steps
  RepeatedStep step_;
  std::unique_ptr<OnlineEvaluation> online_;
  std::optional<Dataset> held_out_;
  std::vector<int32_t> labels_;  // of the last step, where the method learns from them
  std::shared_ptr<BadImages> bad_test_images_;  // null where there are no test images
  int64_t finished_steps_ = 0;
};

}  // namespace amcl
