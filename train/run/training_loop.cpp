#include "train/run/training_loop.h"

#include <algorithm>
#include <cmath>

#include "engine/core/host_memory.h"
#include "train/config/config_toml.h"
#include "train/printable.h"
#include "train/run/head_metrics.h"
#include "train/run/head_record.h"
#include "train/run/shell_quoted.h"
#include "train/run/test_score.h"

namespace amcl {
namespace {

// After so many epochs the loss of any recipe that works has left the chance level.
constexpr int64_t kLearnedEpochs = 3;

}  // namespace

void StepClock::add_step(double wait_seconds) {
  ++steps_;
  wait_seconds_ += wait_seconds;
}

double StepClock::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

StepTiming StepClock::timing() const {
  const double elapsed = seconds() - left_out_;
  if (steps_ == 0 || elapsed <= 0.0) return {};
  return {.pairs_per_second = static_cast<double>(steps_ * pairs_per_step_) / elapsed,
          .loader_wait_share = std::min(1.0, wait_seconds_ / elapsed)};
}

TrainingLoop::TrainingLoop(Trainer& trainer, const Config& config, const RunData& data,
                           RunDirectory& directory, const RunOptions& options)
    : trainer_(trainer),
      config_(config),
      data_(data),
      labelled_(traits_of(config.method).labelled),
      directory_(directory),
      results_(options.results),
      log_(directory.metrics_path(), trainer.finished_steps(),
           [this](const LogRecord& record) { remember(record); }),
      progress_(options.progress, options.notes, trainer.steps(), config.train.epochs,
                trainer.finished_steps()),
      watch_(trainer.steps_per_epoch(), kLearnedEpochs * trainer.steps_per_epoch(),
             trainer.method().chance_level(config.train.batch),
             common(config.method).objective.name),
      since_record_(config.train.batch),
      since_start_(config.train.batch),
      first_step_(trainer.finished_steps()),
      saved_step_(trainer.finished_steps() > 0 ? trainer.finished_steps() : -1),
      chance_level_(trainer.method().chance_level(config.train.batch)) {
  for (const LogRecord& record : log_.kept_of_last_step()) {
    if (is_online_record(record) || is_held_out_record(record)) evaluation_ = record;
    if (record.contains("loss") && record["loss"].is_number())
      first_loss_ = record["loss"].get<double>();
  }
  if (!labelled_) head_log_.emplace(directory.heads_path(), trainer.finished_steps());
  if (trainer.finished_steps() == 0) write_log(first_record());
}

LogRecord TrainingLoop::first_record() const {
  LogRecord first;
  first["step"] = 0;
  first["chance_loss"] = chance_level_;
  first["parameters"] = trainer_.arena().parameter_count();
  first["steps"] = trainer_.steps();
  first["lr_peak"] = trainer_.schedule().peak;
  first["warmup_steps"] = trainer_.schedule().warmup;
  return first;
}

void TrainingLoop::remember(const LogRecord& record) {
  if (!is_held_out_record(record)) return;
  const ClassifierScores scores = held_out_scores(record);
  if (best_ && !is_better(scores, *best_)) return;
  best_ = scores;
  best_step_ = record["step"].get<int64_t>();
}

RunEnd TrainingLoop::run(const std::function<bool()>& stop_requested) {
  bool goes_on = !evaluation_missing() || evaluate(stop_requested);
  while (goes_on && trainer_.finished_steps() < trainer_.steps()) {
    if (stop_requested()) {
      goes_on = false;
      break;
    }
    advance();
    if (checkpoint_due()) try_to_save();
    if (evaluation_due()) goes_on = evaluate(stop_requested);
  }
  hold_directory();
  if (checkpoint_lost_ || saved_step_ != trainer_.finished_steps()) save_checkpoint();
  const RunEnd end = goes_on ? RunEnd::finished : RunEnd::stopped;
  finish(end);
  return end;
}

void TrainingLoop::advance() {
  trainer_.advance();
  if (trainer_.finished_steps() % trainer_.steps_per_epoch() == 0) hold_directory();
  // Only a record waits for the device.
  std::optional<StepResult> result;
  if (record_due() || head_record_due()) result = trainer_.result();
  const double wait_seconds = trainer_.take_wait_seconds();
  since_record_.add_step(wait_seconds);
  since_start_.add_step(wait_seconds);
  const StepTiming timing = since_record_.timing();
  progress_.update({.step = trainer_.finished_steps(),
                    .epoch = trainer_.epoch_of(trainer_.finished_steps()) + 1,
                    .loss = trainer_.known_loss(),
                    .pairs_per_second = timing.pairs_per_second,
                    .unit = labelled_ ? "images" : "pairs",
                    .loader_wait_share = timing.loader_wait_share});
  for (const std::string& image : trainer_.take_bad_images()) warn(image);
  if (const std::string warning = trainer_.take_warning(); !warning.empty()) warn(warning);
  if (record_due()) record(*result);
  if (head_record_due()) record_heads(*result);
}

bool TrainingLoop::record_due() const {
  const int64_t step = trainer_.finished_steps();
  return step == 1 || step == trainer_.steps() || step % config_.train.log_every == 0;
}

bool TrainingLoop::head_record_due() const {
  if (!head_log_) return false;
  const int64_t step = trainer_.finished_steps();
  return step == 1 || step % trainer_.steps_per_epoch() == 0;
}

bool TrainingLoop::evaluation_due() const {
  const bool evaluates = trainer_.online_evaluation() != nullptr || trainer_.held_out() != nullptr;
  if (!evaluates || config_.train.eval_every == 0) return false;
  const int64_t step = trainer_.finished_steps();
  return step == trainer_.steps() ||
         step % (trainer_.steps_per_epoch() * config_.train.eval_every) == 0;
}

// A run that was stopped or killed while it evaluated.
bool TrainingLoop::evaluation_missing() const {
  return trainer_.finished_steps() > 0 && evaluation_due() && evaluation_.is_null();
}

bool TrainingLoop::checkpoint_due() const {
  const int64_t step = trainer_.finished_steps();
  return checkpoint_lost_ || step == trainer_.steps() ||
         step % (trainer_.steps_per_epoch() * config_.train.checkpoint_every) == 0;
}

void TrainingLoop::record(const StepResult& result) {
  const int64_t step = trainer_.finished_steps();
  const StepPosition position{
      .step = step, .epoch = trainer_.epoch_of(step), .rate = trainer_.schedule().rate(step - 1)};
  if (labelled_) {
    write_log(
        classifier_record(position, result, trainer_.batch_top1(result), since_record_.timing()));
    for (const std::string& warning : watch_.judge(step, result, {})) warn(warning);
    since_record_ = StepClock(config_.train.batch);
    return;
  }
  const Tensor& z = result.projections.front();
  const HeadMetrics heads{.feature_std = feature_std(z),
                          .gradient_norm = gradient_norm_per_head(trainer_.arena(), z.dim(0)),
                          .correlation = head_similarity_correlation(z)};
  write_log(metrics_record(position, result, heads, since_record_.timing()));
  for (const std::string& warning : watch_.judge(step, result, heads.feature_std)) warn(warning);
  since_record_ = StepClock(config_.train.batch);
}

void TrainingLoop::record_heads(const StepResult& result) {
  const StepClock clock(config_.train.batch);
  const int64_t step = trainer_.finished_steps();
  write_line(*head_log_, head_record({.step = step, .epoch = trainer_.epoch_of(step)},
                                     trainer_.method(), trainer_.arena(), result));
  since_record_.leave_out(clock.seconds());
}

bool TrainingLoop::evaluate(const std::function<bool()>& stop_requested) {
  struct Stopped {};
  const StepClock clock(config_.train.batch);
  const auto between = [&] {
    if (stop_requested()) throw Stopped();
  };
  try {
    const std::string text = labelled_ ? evaluate_held_out(between) : evaluate_online(between);
    progress_.message(
        concat_text("epoch ", trainer_.epoch_of(trainer_.finished_steps()) + 1, ": ", text));
  } catch (const Stopped&) {
    return false;
  }
  since_record_.leave_out(clock.seconds());
  since_start_.leave_out(clock.seconds());
  return true;
}

std::string TrainingLoop::evaluate_online(const BetweenBatches& between) {
  const int64_t step = trainer_.finished_steps();
  const OnlineScores scores = trainer_.online_evaluation()->evaluate(between);
  evaluation_ = online_record({.step = step, .epoch = trainer_.epoch_of(step)}, scores);
  write_log(evaluation_);
  return online_text(scores);
}

std::string TrainingLoop::evaluate_held_out(const BetweenBatches& between) {
  const int64_t step = trainer_.finished_steps();
  const ClassifierScores scores = trainer_.score_held_out(between);
  const bool best = !best_ || is_better(scores, *best_);
  if (best) try_to_save_best();
  evaluation_ = held_out_record({.step = step, .epoch = trainer_.epoch_of(step)}, scores);
  remember(evaluation_);
  write_log(evaluation_);
  return held_out_text(scores) + (best ? ", the best so far" : "");
}

void TrainingLoop::hold_directory() {
  if (directory_.hold()) return;
  warn(concat_text("run directory ", directory_.path(),
                   " was removed; its configuration, its log and a checkpoint are written again"));
  directory_.write_config(to_toml(config_));
  if (labelled_) directory_.write_labels(data_.labels);
  checkpoint_lost_ = true;
}

void TrainingLoop::write_line(RunLog& log, const LogRecord& record) {
  hold_directory();
  try {
    log.restore();
    log.write(record);
    log_fails_ = false;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    if (!log_fails_) warn(concat_text("the log lacks lines: ", error.what(), "; the run goes on"));
    log_fails_ = true;
  }
}

void TrainingLoop::save_checkpoint() {
  directory_.write_checkpoint(trainer_.checkpoint(), config_.train.keep);
  saved_step_ = trainer_.finished_steps();
  checkpoint_lost_ = false;
}

void TrainingLoop::try_to_save() {
  hold_directory();
  try {
    save_checkpoint();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    warn(concat_text("no checkpoint at step ", trainer_.finished_steps(), ": ", error.what(),
                     "; the run goes on"));
  }
}

void TrainingLoop::try_to_save_best() {
  hold_directory();
  try {
    directory_.write_best(trainer_.checkpoint());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    warn(concat_text("the best checkpoint, of step ", trainer_.finished_steps(),
                     ", is not kept: ", error.what(), "; the run goes on"));
  }
}

void TrainingLoop::add_scores(LogRecord& summary, bool finished) {
  for (const char* score : {"knn_top1", "linear_top1"})
    if (evaluation_.contains(score)) summary[score] = evaluation_[score];
  if (best_) {
    summary["held_out_top1"] = best_->top1;
    summary["best_step"] = best_step_;
  }
  if (!labelled_ || !finished) return;
  const TestScore test = score_on_test(config_, *data_.backend, directory_.path(),
                                       [this](const std::string& text) { warn(text); });
  progress_.message(test.text);
  if (!test.scores) return;
  summary["test_top1"] = test.scores->top1;
  summary["test_images"] = test.scores->images;
}

void TrainingLoop::finish(RunEnd end) {
  const bool finished = end == RunEnd::finished;
  const bool stepped = trainer_.finished_steps() > first_step_;
  const double loss = stepped ? trainer_.known_loss() : first_loss_;
  const StepTiming timing = since_start_.timing();
  LogRecord summary;
  summary["status"] = finished ? "finished" : "stopped";
  summary["step"] = trainer_.finished_steps();
  summary["steps"] = trainer_.steps();
  summary["epochs"] = config_.train.epochs;
  summary["loss"] = loss;
  summary["chance_loss"] = chance_level_;
  add_scores(summary, finished);
  summary["parameters"] = trainer_.arena().parameter_count();
  summary[labelled_ ? "images_per_second" : "pairs_per_second"] =
      stepped ? LogRecord(timing.pairs_per_second) : LogRecord();
  summary["loader_wait_share"] = stepped ? LogRecord(timing.loader_wait_share) : LogRecord();
  summary["seconds"] = since_start_.seconds();
  summary["peak_resident_bytes"] = peak_resident_bytes();
  summary["skipped_images"] = trainer_.skipped_images();
  summary["checkpoint"] = directory_.checkpoint_path();
  directory_.write_summary(json_text(summary, 2) + "\n");
  progress_.message(concat_text(finished ? "finished" : "stopped", " at step ",
                                trainer_.finished_steps(), " of ", trainer_.steps(), ", loss ",
                                loss, " (chance ", chance_level_, ")"));
  if (const int64_t skipped = trainer_.skipped_images(); skipped > 0)
    progress_.message(concat_text("skipped in all: ", skipped, " images that cannot be read"));
  if (!finished)
    progress_.message(concat_text("to go on: amcl ", labelled_ ? "finetune" : "pretrain",
                                  " --resume ", shell_quoted(directory_.path())));
  std::fprintf(results_, "%s\n", directory_.checkpoint_path().c_str());
}

void TrainingLoop::warn(const std::string& text) {
  progress_.message("warning: " + text);
}

}  // namespace amcl
