// Every setting of a training run. One field is one key: `[table] name` in TOML, `--name` (dashes
// for underscores) on the command line, AMCL_TABLE_NAME in the environment. The resolved values are
// printed, stored in the run directory and in each checkpoint. config_schema.h describes each key
// (help, default, allowed values) once for all of these.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace amcl {

struct DataConfig {
  std::string data;   // directory, or "shapes10"
  int64_t limit = 0;  // first N training images; 0: all
};

struct AugmentConfig {
  std::array<double, 2> crop_scale = {0.08,
                                      1.0};  // share of the image's area; 1,1 switches the crop off
  double flip = 0.5;                         // probabilities; 0 switches off
  double jitter = 0.8;
  std::array<double, 4> jitter_strength = {0.4, 0.4, 0.4,
                                           0.1};  // brightness, contrast, saturation, hue
  double grayscale = 0.2;
  double blur = 0.0;
  std::array<double, 2> blur_sigma = {0.1, 2.0};  // pixels
};

struct ModelConfig {
  std::string method = "simclr";
  std::string backbone = "resnet18";
  int64_t width = 64;
  std::string stem = "cifar";
  int64_t heads = 1;
  int64_t head_hidden = 0;  // 0: the backbone's feature width
  int64_t head_dim = 128;
  std::string bn_views = "separate";  // separate | joint
};

struct ObjectiveConfig {
  std::string objective =
      "amcl";  // amcl | amcl-topk | amcl-table2: the form where the temperature is adaptive
  std::string temperature = "fixed";  // adaptive | fixed | a number
};

struct OptimizerConfig {
  double lr = 0.06;
  double momentum = 0.9;
  double weight_decay = 5e-4;
  bool decay_norm_bias = true;  // whether norms and biases are decayed too
  double warmup_epochs = 0.0;
  double clip_norm = 0.0;  // 0: no clipping
};

struct TrainConfig {
  int64_t epochs = 100;
  int64_t batch = 128;  // image pairs per step
  uint64_t seed = 1;
  std::string device = "cpu";
  int64_t threads = 0;  // 0: all cores
  int64_t workers = 1;  // loader threads
  std::string init;     // checkpoint to start from
  std::string out;      // run directory
  bool overwrite = false;
  int64_t checkpoint_every = 1;  // epochs
  int64_t keep = 2;              // checkpoints kept, the newest included
  int64_t log_every = 10;        // steps
};

struct Config {
  DataConfig data;
  AugmentConfig augment;
  ModelConfig model;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  TrainConfig train;
};

}  // namespace amcl
