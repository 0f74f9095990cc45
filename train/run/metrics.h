// What a step's numbers say about the training: the log record and the warnings.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/evaluation/classifier_scores.h"
#include "train/evaluation/online_evaluation.h"
#include "train/run/run_log.h"
#include "train/step/step.h"

namespace amcl {

// How far the unit-length projections z [C, M, d] spread, per head: the standard deviation over the
// M rows, averaged over the d features, times sqrt(d). About 1 where the features fill the sphere,
// 0 where all images have the same one (Chen, He, "Exploring simple siamese representation
// learning", CVPR 2021, section 4.1).
std::vector<double> feature_std(const Tensor& z);

struct StepPosition {
  int64_t step = 0;   // finished steps
  int64_t epoch = 0;  // the step's, from 0
  double rate = 0.0;  // learning rate
};
struct StepTiming {
  double pairs_per_second = 0.0;
  double loader_wait_share = 0.0;  // of the wall time, 0 to 1
};

// What is measured of the heads for a record, one value each.
struct HeadMetrics {
  std::vector<double> feature_std = {};
  std::vector<double> gradient_norm = {};  // of the head's own parameters
  std::optional<double> correlation = {};  // head_similarity_correlation
};

// A line of metrics.jsonl.
LogRecord metrics_record(const StepPosition& position, const StepResult& result,
                         const HeadMetrics& heads, const StepTiming& timing);

// The same of a classifier, which has labelled `train_top1` percent of the batch right.
LogRecord classifier_record(const StepPosition& position, const StepResult& result,
                            double train_top1, const StepTiming& timing);

// The line of an evaluation on held-out labels, and what it says to a reader.
LogRecord held_out_record(const StepPosition& position, const ClassifierScores& scores);
bool is_held_out_record(const LogRecord& record);
ClassifierScores held_out_scores(const LogRecord& record);
std::string held_out_text(const ClassifierScores& scores);
// Whether more are right, or as many and more surely.
bool is_better(const ClassifierScores& scores, const ClassifierScores& others);

// The line of an online evaluation, and what it says to a reader.
LogRecord online_record(const StepPosition& position, const OnlineScores& scores);
bool is_online_record(const LogRecord& record);
std::string online_text(const OnlineScores& scores);

// Says once per run what a user should know before it ends.
class TrainingWatch {
 public:
  // `judged_from`: the first step whose features may be called collapsed; those of an untrained
  // network lie close together as well.
  // `learned_step`: the first step whose loss at the chance level is told.
  // `form`: of the objective; where it is not the usual one, that one is proposed against collapse.
  TrainingWatch(int64_t judged_from, int64_t learned_step, double chance_level,
                const std::string& form = "amcl")
      : judged_from_(judged_from),
        learned_step_(learned_step),
        chance_level_(chance_level),
        usual_form_(form == "amcl") {}

  // The warnings that this step gives rise to, one line each.
  std::vector<std::string> judge(int64_t step, const StepResult& result,
                                 const std::vector<double>& deviations);

 private:
  int64_t judged_from_;
  int64_t learned_step_;
  double chance_level_;
  bool usual_form_;
  bool temperatures_told_ = false;
  bool collapse_told_ = false;
  bool chance_told_ = false;
};

}  // namespace amcl
