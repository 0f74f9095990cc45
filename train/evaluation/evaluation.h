// The evaluation of one set of features: what `amcl evaluate` computes, without its printing.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/views/preprocessing.h"
#include "engine/backend/backend.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"
#include "train/encoder/encoder_file.h"
#include "train/evaluation/classifier_scores.h"
#include "train/evaluation/knn.h"
#include "train/evaluation/linear_probe.h"

namespace amcl {

struct EvaluationOptions {
  // Run directory, checkpoint, or another file of an encoder; may be empty with features = "pixels".
  std::string run;
  std::string data;                         // directory or "shapes10"; empty: the data of the run
  std::string layout = "auto";              // of `data`
  std::optional<double> val_fraction = {};  // to test on; not given: as the run
  std::vector<std::string> protocol = {"knn"};  // knn, linear, classifier
  int64_t k = 200;
  double knn_temperature = 0.1;
  int64_t size = 0;  // of the images compared, pixels; 0: as the run's
  std::optional<std::array<double, 3>> mean = {};  // of the channels; not given: as the run's
  std::optional<std::array<double, 3>> deviation = {};
  int64_t limit = 0;                  // first N training images are the bank; 0: all
  std::string features = "backbone";  // backbone | pixels
  bool random_init = false;           // the same architecture, untrained
};

struct Evaluation {
  std::optional<Checkpoint> checkpoint;  // none for pixels without a run, and for other files
  std::optional<EncoderFile> encoder;    // of such a file
  Config config;                         // of the checkpoint; defaults without one
  Dataset train;                         // the bank
  Dataset test;
  int64_t skipped_images = 0;   // of both, that cannot be read
  Preprocessing preprocessing;  // of both
  int64_t feature_dim = 0;
  std::optional<KnnResult> knn;
  double knn_top1 = 0.0;  // percent, if knn
  std::optional<LinearProbeResult> linear;
  double linear_top1 = 0.0;  // percent, if linear
  // Of a fine-tuned checkpoint, where the test images have its classes; without random_init.
  std::optional<ClassifierScores> classifier;
  std::vector<std::string> notes;  // what a reader of the numbers should know, one line each
};

// The model is that of the checkpoint's configuration (read_best_checkpoint), or of the file, trained or not.
// Images, from whatever set,
// are preprocessed as in the run, for features = "pixels" too; without a run as the set itself
// says. Error(usage) names an option that cannot be; else what opening the run and the data throws.
Evaluation evaluate(const EvaluationOptions& options, Backend& backend);

}  // namespace amcl
