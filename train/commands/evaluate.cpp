#include "train/commands/evaluate.h"

#include <chrono>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "data/views/augment_policy.h"
#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "train/evaluation/evaluation.h"
#include "train/pictures/neighbour_picture.h"
#include "train/printable.h"

namespace amcl {
namespace {

constexpr int64_t kQueriesShown = 20;

nlohmann::ordered_json record_of(const Evaluation& evaluation, const EvaluateOptions& options,
                                 double seconds) {
  nlohmann::ordered_json record;
  const auto if_there = [](bool there, const auto& value) {
    return there ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
  };
  const bool has_checkpoint = evaluation.checkpoint.has_value();
  const TrainerState state = has_checkpoint ? evaluation.checkpoint->state : TrainerState{};
  record["knn_top1"] = if_there(evaluation.knn.has_value(), evaluation.knn_top1);
  record["linear_top1"] = if_there(evaluation.linear.has_value(), evaluation.linear_top1);
  record["classifier_top1"] = if_there(evaluation.classifier.has_value(),
                                       evaluation.classifier.value_or(ClassifierScores{}).top1);
  record["k"] = evaluation.knn ? evaluation.knn->k : options.k;
  record["temperature"] = options.knn_temperature;
  record["linear_rate"] = nullptr;
  record["linear_held_out_top1"] = nullptr;
  if (evaluation.linear) {
    record["linear_rate"] = evaluation.linear->rate;
    nlohmann::ordered_json trials = nlohmann::ordered_json::array();
    for (size_t i = 0; i < kLinearProbeRates.size(); ++i)
      trials.push_back(
          {{"rate", kLinearProbeRates[i]}, {"top1", evaluation.linear->held_out_top1[i]}});
    record["linear_held_out_top1"] = trials;
  }
  record["train_images"] = evaluation.train.count();
  record["test_images"] = evaluation.test.count();
  record["skipped_images"] = evaluation.skipped_images;
  record["passed_over"] = {{"train", evaluation.train.passed_over.text()},
                           {"test", evaluation.test.passed_over.text()}};
  record["data"] = evaluation.train.name;
  const Preprocessing& seen = evaluation.preprocessing;
  record["size"] = seen.view.height == seen.view.width
                       ? nlohmann::ordered_json(seen.view.height)
                       : nlohmann::ordered_json{seen.view.height, seen.view.width};
  record["resize"] = seen.resize;
  record["interpolation"] = name_of(seen.interpolation);
  record["mean"] = seen.normalization.mean;
  record["deviation"] = seen.normalization.deviation;
  record["features"] = options.features;
  record["feature_dim"] = evaluation.feature_dim;
  record["random_init"] = options.random_init;
  record["checkpoint"] =
      if_there(has_checkpoint, has_checkpoint ? evaluation.checkpoint->path : "");
  record["encoder"] =
      if_there(evaluation.encoder.has_value(), evaluation.encoder ? evaluation.encoder->path : "");
  record["epoch"] = if_there(has_checkpoint, state.epoch);
  record["step"] = if_there(has_checkpoint, state.step);
  record["seed"] = evaluation.config.train.seed;
  record["device"] = options.device;
  record["threads"] = compute_threads();
  record["notes"] = evaluation.notes;
  record["seconds"] = seconds;
  return record;
}

// Where size, mean and deviation come from.
std::string origin_of(const Evaluation& evaluation, const EvaluateOptions& options) {
  const bool of_file = evaluation.encoder && evaluation.encoder->metadata;
  const std::string origin = evaluation.checkpoint ? "as in the run"
                             : of_file             ? "as the encoder says"
                                                   : "of the set";
  const bool other = options.size > 0 || options.mean || options.deviation;
  return other ? origin + " but for what was given" : origin;
}

void print_text(const Evaluation& evaluation, const EvaluateOptions& options, double seconds) {
  std::cout << std::fixed << std::setprecision(2);
  if (evaluation.checkpoint)
    std::cout << "checkpoint  " << printable(evaluation.checkpoint->path) << " (epoch "
              << evaluation.checkpoint->state.epoch << ", step "
              << evaluation.checkpoint->state.step << ")\n";
  if (evaluation.encoder)
    std::cout << "encoder     " << printable(evaluation.encoder->path) << ": "
              << evaluation.encoder->backbone.backbone << " of width "
              << evaluation.encoder->backbone.width << " (" << evaluation.encoder->backbone.stem
              << " stem), " << printable(evaluation.encoder->naming) << '\n';
  std::cout << "data        " << printable(evaluation.train.name) << ": "
            << evaluation.train.count() << " training and " << evaluation.test.count()
            << " test images\n";
  if (evaluation.skipped_images > 0)
    std::cout << "skipped     " << evaluation.skipped_images << " images that cannot be read\n";
  for (const Dataset* part : {&evaluation.train, &evaluation.test})
    if (const std::string others = part->passed_over.text(); !others.empty())
      std::cout << "            " << printable(others) << '\n';
  std::cout << "images      " << describe(evaluation.preprocessing) << " ("
            << origin_of(evaluation, options) << ")\n"
            << "features    "
            << (options.features == "pixels" ? "pixels"
                : options.random_init        ? "backbone, untrained"
                                             : "backbone")
            << ", " << evaluation.feature_dim << " per image\n";
  if (evaluation.knn)
    std::cout << "kNN         " << evaluation.knn_top1 << " % top-1 (k " << evaluation.knn->k
              << ", temperature " << std::defaultfloat << options.knn_temperature << std::fixed
              << ")\n";
  if (evaluation.linear)
    std::cout << "linear      " << evaluation.linear_top1 << " % top-1 (learning rate "
              << std::defaultfloat << evaluation.linear->rate << std::fixed
              << ", chosen on a held-out tenth)\n";
  if (evaluation.classifier)
    std::cout << "classifier  " << evaluation.classifier->top1 << " % top-1, loss "
              << evaluation.classifier->loss << '\n';
  std::cout << "time        " << seconds << " s" << std::defaultfloat << std::endl;
}

}  // namespace

int run_evaluate(const EvaluateOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  EvaluationOptions asked = options;
  if (!options.neighbours.empty()) asked.protocol.emplace_back("knn");
  const Evaluation evaluation = evaluate(asked, *backend);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const std::string& note : evaluation.notes)
    std::fprintf(stderr, "note: %s\n", printable(note).c_str());
  if (options.json)
    std::cout << json_text(record_of(evaluation, options, seconds)) << std::endl;
  else
    print_text(evaluation, options, seconds);
  if (!options.neighbours.empty()) {
    write_png(options.neighbours,
              draw_neighbours(*backend, evaluation.test, evaluation.train, *evaluation.knn,
                              pick_queries(evaluation.test, kQueriesShown)));
    std::fprintf(stderr, "neighbours are drawn in %s\n", printable(options.neighbours).c_str());
  }
  return 0;
}

}  // namespace amcl
