// The loop of a run: steps, and what is written about them to its directory and the terminal.
#pragma once
#include <chrono>
#include <functional>
#include <limits>
#include <optional>

#include "train/checkpoint/run_directory.h"
#include "train/progress.h"
#include "train/run/metrics.h"
#include "train/run/run_data.h"
#include "train/run/run_log.h"
#include "train/run/trainer.h"
#include "train/run/training_run.h"

namespace amcl {

// Where the time of some steps went.
class StepClock {
 public:
  explicit StepClock(int64_t pairs_per_step) : pairs_per_step_(pairs_per_step) {}

  void add_step(double wait_seconds);
  // Time that was spent on something else than steps.
  void leave_out(double seconds) { left_out_ += seconds; }
  double seconds() const;
  StepTiming timing() const;

 private:
  using Clock = std::chrono::steady_clock;

  int64_t pairs_per_step_;
  int64_t steps_ = 0;
  double wait_seconds_ = 0.0;
  double left_out_ = 0.0;  // seconds
  Clock::time_point start_ = Clock::now();
};

class TrainingLoop {
 public:
  // All must outlive the loop. The log goes on after the trainer's finished steps.
  TrainingLoop(Trainer& trainer, const Config& config, const RunData& data, RunDirectory& directory,
               const RunOptions& options);

  // stop_requested is asked before each step and during an evaluation.
  RunEnd run(const std::function<bool()>& stop_requested);
  // A warning on the notes, one line.
  void warn(const std::string& text);

 private:
  void advance();  // one step
  void record(const StepResult& result);
  bool head_record_due() const;
  void record_heads(const StepResult& result);
  // False if a request to stop cut it short.
  bool evaluate(const std::function<bool()>& stop_requested);
  // Each writes its line and returns it for people. A checkpoint that is the best by the labels held out
  // is kept before the line says so.
  std::string evaluate_online(const BetweenBatches& between);
  std::string evaluate_held_out(const BetweenBatches& between);
  bool evaluation_due() const;
  bool evaluation_missing() const;
  bool record_due() const;
  bool checkpoint_due() const;
  // Before a write, and once in an epoch: writes again what the directory has lost if it was
  // removed. Error(io) if it is no longer this run's.
  void hold_directory();
  void write_log(const LogRecord& record) { write_line(log_, record); }
  void write_line(RunLog& log, const LogRecord& record);
  void save_checkpoint();
  void try_to_save();  // else a warning
  void try_to_save_best();
  LogRecord first_record() const;
  void remember(const LogRecord& record);  // if it is of the best so far
  // What the scores of the run come to: those of the test images, for a classifier.
  void add_scores(LogRecord& summary, bool finished);
  void finish(RunEnd end);

  Trainer& trainer_;
  const Config& config_;
  const RunData& data_;
  bool labelled_;  // the run learns from labels
  RunDirectory& directory_;
  std::FILE* results_;
  std::optional<ClassifierScores> best_;  // on held-out labels, by the log
  int64_t best_step_ = 0;
  RunLog log_;
  std::optional<RunLog> head_log_;  // of methods that compare pairs
  Progress progress_;
  TrainingWatch watch_;
  StepClock since_record_;
  StepClock since_start_;
  int64_t first_step_;                                            // finished before this loop
  double first_loss_ = std::numeric_limits<double>::quiet_NaN();  // of it, by the log
  int64_t saved_step_;  // of the newest checkpoint; -1: none
  double chance_level_;
  LogRecord evaluation_;  // the last one; null: none since the run went on
  bool log_fails_ = false;
  bool checkpoint_lost_ = false;  // with the directory
};

}  // namespace amcl
