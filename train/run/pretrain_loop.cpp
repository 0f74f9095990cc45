#include "train/run/pretrain_loop.h"

#include <algorithm>
#include <cmath>

#include "engine/core/host_memory.h"
#include "train/config/config_toml.h"
#include "train/printable.h"
#include "train/run/head_metrics.h"
#include "train/run/head_record.h"
#include "train/run/shell_quoted.h"

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

PretrainLoop::PretrainLoop(Trainer& trainer, const Config& config, RunDirectory& directory,
                           const PretrainOptions& options)
    : trainer_(trainer),
      config_(config),
      directory_(directory),
      results_(options.results),
      log_(directory.metrics_path(), trainer.finished_steps()),
      head_log_(directory.heads_path(), trainer.finished_steps()),
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
    if (is_online_record(record)) evaluation_ = record;
    if (record.contains("loss") && record["loss"].is_number())
      first_loss_ = record["loss"].get<double>();
  }
  if (trainer.finished_steps() == 0) {
    LogRecord first;
    first["step"] = 0;
    first["chance_loss"] = chance_level_;
    first["parameters"] = trainer.arena().parameter_count();
    first["steps"] = trainer.steps();
    first["lr_peak"] = trainer.schedule().peak;
    first["warmup_steps"] = trainer.schedule().warmup;
    write_log(first);
  }
}

PretrainEnd PretrainLoop::run(const std::function<bool()>& stop_requested) {
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
  const PretrainEnd end = goes_on ? PretrainEnd::finished : PretrainEnd::stopped;
  finish(end);
  return end;
}

void PretrainLoop::advance() {
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
                    .loader_wait_share = timing.loader_wait_share});
  for (const std::string& image : trainer_.take_bad_images()) warn(image);
  if (const std::string warning = trainer_.take_warning(); !warning.empty()) warn(warning);
  if (record_due()) record(*result);
  if (head_record_due()) record_heads(*result);
}

bool PretrainLoop::record_due() const {
  const int64_t step = trainer_.finished_steps();
  return step == 1 || step == trainer_.steps() || step % config_.train.log_every == 0;
}

bool PretrainLoop::head_record_due() const {
  const int64_t step = trainer_.finished_steps();
  return step == 1 || step % trainer_.steps_per_epoch() == 0;
}

bool PretrainLoop::evaluation_due() const {
  if (trainer_.online_evaluation() == nullptr) return false;
  const int64_t step = trainer_.finished_steps();
  return step == trainer_.steps() ||
         step % (trainer_.steps_per_epoch() * config_.train.eval_every) == 0;
}

// A run that was stopped or killed while it evaluated.
bool PretrainLoop::evaluation_missing() const {
  return trainer_.finished_steps() > 0 && evaluation_due() && evaluation_.is_null();
}

bool PretrainLoop::checkpoint_due() const {
  const int64_t step = trainer_.finished_steps();
  return checkpoint_lost_ || step == trainer_.steps() ||
         step % (trainer_.steps_per_epoch() * config_.train.checkpoint_every) == 0;
}

void PretrainLoop::record(const StepResult& result) {
  const int64_t step = trainer_.finished_steps();
  const Tensor& z = result.projections.front();
  const HeadMetrics heads{.feature_std = feature_std(z),
                          .gradient_norm = gradient_norm_per_head(trainer_.arena(), z.dim(0)),
                          .correlation = head_similarity_correlation(z)};
  write_log(metrics_record(
      {.step = step, .epoch = trainer_.epoch_of(step), .rate = trainer_.schedule().rate(step - 1)},
      result, heads, since_record_.timing()));
  for (const std::string& warning : watch_.judge(step, result, heads.feature_std)) warn(warning);
  since_record_ = StepClock(config_.train.batch);
}

void PretrainLoop::record_heads(const StepResult& result) {
  const StepClock clock(config_.train.batch);
  const int64_t step = trainer_.finished_steps();
  write_line(head_log_, head_record({.step = step, .epoch = trainer_.epoch_of(step)},
                                    trainer_.method(), trainer_.arena(), result));
  since_record_.leave_out(clock.seconds());
}

bool PretrainLoop::evaluate(const std::function<bool()>& stop_requested) {
  struct Stopped {};
  const StepClock clock(config_.train.batch);
  const int64_t step = trainer_.finished_steps();
  OnlineScores scores;
  try {
    scores = trainer_.online_evaluation()->evaluate([&] {
      if (stop_requested()) throw Stopped();
    });
  } catch (const Stopped&) {
    return false;
  }
  evaluation_ = online_record({.step = step, .epoch = trainer_.epoch_of(step)}, scores);
  write_log(evaluation_);
  progress_.message(concat_text("epoch ", trainer_.epoch_of(step) + 1, ": ", online_text(scores)));
  since_record_.leave_out(clock.seconds());
  since_start_.leave_out(clock.seconds());
  return true;
}

void PretrainLoop::hold_directory() {
  if (directory_.hold()) return;
  warn(concat_text("run directory ", directory_.path(),
                   " was removed; its configuration, its log and a checkpoint are written again"));
  directory_.write_config(to_toml(config_));
  checkpoint_lost_ = true;
}

void PretrainLoop::write_line(RunLog& log, const LogRecord& record) {
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

void PretrainLoop::save_checkpoint() {
  directory_.write_checkpoint(trainer_.checkpoint(), config_.train.keep);
  saved_step_ = trainer_.finished_steps();
  checkpoint_lost_ = false;
}

void PretrainLoop::try_to_save() {
  hold_directory();
  try {
    save_checkpoint();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    warn(concat_text("no checkpoint at step ", trainer_.finished_steps(), ": ", error.what(),
                     "; the run goes on"));
  }
}

void PretrainLoop::finish(PretrainEnd end) {
  const bool finished = end == PretrainEnd::finished;
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
  for (const char* score : {"knn_top1", "linear_top1"})
    if (evaluation_.contains(score)) summary[score] = evaluation_[score];
  summary["parameters"] = trainer_.arena().parameter_count();
  summary["pairs_per_second"] = stepped ? LogRecord(timing.pairs_per_second) : LogRecord();
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
    progress_.message(
        concat_text("to go on: amcl pretrain --resume ", shell_quoted(directory_.path())));
  std::fprintf(results_, "%s\n", directory_.checkpoint_path().c_str());
}

void PretrainLoop::warn(const std::string& text) {
  progress_.message("warning: " + text);
}

}  // namespace amcl
