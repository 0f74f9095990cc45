// The loop of a run: steps, and what is written about them to its directory and the terminal.
#pragma once
#include <chrono>
#include <functional>
#include <limits>

#include "train/checkpoint/run_directory.h"
#include "train/progress.h"
#include "train/run/metrics.h"
#include "train/run/pretrain.h"
#include "train/run/run_log.h"
#include "train/run/trainer.h"

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

class PretrainLoop {
 public:
  // All must outlive the loop. The log goes on after the trainer's finished steps.
  PretrainLoop(Trainer& trainer, const Config& config, RunDirectory& directory,
               const PretrainOptions& options);

  // stop_requested is asked before each step and during an evaluation.
  PretrainEnd run(const std::function<bool()>& stop_requested);
  // A warning on the notes, one line.
  void warn(const std::string& text);

 private:
  void advance();  // one step
  void record(const StepResult& result);
  bool head_record_due() const;
  void record_heads(const StepResult& result);
  // Online. False if a request to stop cut it short.
  bool evaluate(const std::function<bool()>& stop_requested);
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
  void finish(PretrainEnd end);

  Trainer& trainer_;
  const Config& config_;
  RunDirectory& directory_;
  std::FILE* results_;
  RunLog log_;
  RunLog head_log_;
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
