// Every setting of a training run. One field is one key: `[table] key` in TOML, `--key` (dashes for
// underscores) on the command line, AMCL_TABLE_KEY in the environment. config_schema.h describes
// each key (help, unit, default, allowed values) once for all of these; config_resolve.h merges the
// sources. The resolved values are stored in the run directory and in each checkpoint.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/views/augment_policy.h"

namespace amcl {

struct DataConfig {
  std::string data = {};          // directory, or "shapes10"
  std::string layout = "auto";    // data/dataset.h
  std::string split = "train";    // the part to train on: train | test | unlabeled
  int64_t limit = 0;              // first N training images; 0: all
  int64_t size = 0;               // side of a view; 0: the images' own, 224 for files
  double val_fraction = 0.0;      // of training images, held back as test images
  std::string on_error = "stop";  // stop | skip, at an image that cannot be read
  int64_t error_limit = 100;      // images skipped before the run stops after all
  bool reduce_decoding = false;   // JPEG at 1/2, 1/4 or 1/8 where a crop is that much too large
  // Of the channels, for normalisation; empty: the data set's own.
  std::optional<std::array<double, 3>> mean = {};
  std::optional<std::array<double, 3>> deviation = {};

  bool operator==(const DataConfig&) const = default;
};

struct AugmentConfig {
  std::array<double, 2> crop_scale = {0.08, 1.0};  // share of the area; 1,1 switches the crop off
  std::array<double, 2> crop_ratio = {3.0 / 4.0, 4.0 / 3.0};  // width / height
  std::string interpolation = "bilinear";                     // bilinear | bicubic
  ViewProbability flip = 0.5;                                 // 0 switches off
  ViewProbability jitter = 0.8;
  // brightness, contrast, saturation, hue
  std::array<double, 4> jitter_strength = {0.4, 0.4, 0.4, 0.1};
  ViewProbability grayscale = 0.2;
  std::optional<ViewProbability> blur = {};       // by the views' size (view_config.h)
  std::array<double, 2> blur_sigma = {0.1, 2.0};  // pixels
  ViewProbability solarize = 0.0;

  bool operator==(const AugmentConfig&) const = default;
};

// The optional fields belong to some methods only, or have a usual value that depends on the method
// (method_config.h).
struct ModelConfig {
  std::string method = "simclr";  // simclr | moco | barlow | simsiam
  std::string backbone = "resnet18";
  int64_t width = 64;
  std::string stem = "auto";  // auto: by the views' size (view_config.h)
  std::optional<int64_t> heads = {};
  std::optional<int64_t> head_layers = {};
  std::optional<int64_t> head_hidden = {};  // 0: the backbone's feature width
  std::optional<int64_t> head_dim = {};
  std::optional<std::string> head_batch_norm = {};  // none | hidden | all | all-fixed
  std::string bn_views = "separate";                // separate | joint
  std::optional<int64_t> bn_splits = {};            // parts of a view with statistics of their own
  std::optional<int64_t> predictor_hidden = {};     // simsiam
  std::optional<int64_t> queue = {};                // moco: keys per head
  std::optional<double> encoder_momentum = {};      // moco
  std::optional<bool> symmetric = {};               // moco
  std::optional<bool> shuffle_bn = {};              // moco

  bool operator==(const ModelConfig&) const = default;
};

// The optional fields but `temperature`, which has a usual value for each method (method_config.h),
// are parameters of the adaptive temperature (spec S3, S4); an empty one takes the value of the preset
// that `objective` names (objective_config.h).
struct ObjectiveConfig {
  std::string objective = "amcl";               // amcl | amcl-topk | amcl-table2 (spec S11)
  std::optional<std::string> temperature = {};  // adaptive | fixed | a number
  std::optional<double> temperature_low = {};
  std::optional<double> temperature_high = {};
  std::optional<double> temperature_warmup_epochs = {};  // none: 0
  std::optional<std::string> reducer = {};               // lse | topk | hard
  std::optional<int64_t> topk = {};                      // kappa of the reducer topk
  std::optional<bool> with_positive = {};  // whether the reducer's set holds the positive
  std::optional<std::string> omega = {};   // anchored | paired
  std::optional<double> beta = {};         // weight of Omega = a log tau + 1 / tau
  std::optional<double> omega_a = {};
  std::optional<double> beta_negative = {};  // of the negatives, where paired
  std::optional<double> omega_a_negative = {};
  std::optional<std::string> phi = {};  // dot | concat
  std::optional<int64_t> phi_hidden = {};
  std::optional<bool> phi_shared = {};  // one net for all heads
  std::optional<double> score_scale = {};
  std::optional<std::string> barlow_fit = {};    // outside | inside
  std::optional<std::string> barlow_score = {};  // correlation | columns
  std::optional<double> barlow_lambda = {};      // of every temperature, as the two below
  std::optional<double> barlow_scale = {};
  std::optional<int64_t> barlow_ddof = {};
  double head_decorrelation = 0.0;  // weight, of every temperature; 0: none

  bool operator==(const ObjectiveConfig&) const = default;
};

// The optional fields belong to some optimisers or schedules only (Setting::only_with), which give
// an empty one its value (optimizer_config.h); that of clip_norm depends on the method too.
struct OptimizerConfig {
  std::string optimizer = "sgd";    // sgd | lars | adamw
  std::optional<double> lr = {};    // peak learning rate
  int64_t lr_reference_batch = 0;   // lr is for this batch and grows with the batch; 0: lr as it is
  std::string schedule = "cosine";  // constant | cosine | step
  double warmup_epochs = 0.0;
  int64_t warmup_steps = 0;
  std::optional<double> lr_floor = {};                 // share of the peak
  std::optional<std::vector<double>> milestones = {};  // epochs
  std::optional<double> gamma = {};
  double weight_decay = 5e-4;
  std::optional<bool> decay_norm_bias = {};  // whether norms and biases are decayed too
  double norm_bias_rate = 1.0;               // factor on the rate of norms and biases
  std::optional<double> clip_norm = {};      // 0: no clipping
  std::optional<double> momentum = {};
  std::optional<bool> nesterov = {};
  std::optional<std::string> lars = {};  // plain | clipped
  std::optional<double> trust = {};
  std::optional<double> beta1 = {};
  std::optional<double> beta2 = {};
  std::optional<double> epsilon = {};

  bool operator==(const OptimizerConfig&) const = default;
};

struct TrainConfig {
  int64_t epochs = 100;
  int64_t batch = 128;      // image pairs per step
  int64_t micro_batch = 0;  // image pairs that go through the encoder at once; 0: all
  uint64_t seed = 1;
  std::string device = "cpu";
  // f32 | tf32 | bf16; if not given bf16 with cuda, else f32 (precision.h)
  std::optional<std::string> precision = {};
  std::string conv_algorithm = "auto";  // auto | direct | winograd
  // Of cuda: replay the step (true if not given), algorithms that repeat to the bit (false).
  std::optional<bool> capture = {};
  std::optional<bool> deterministic = {};
  int64_t threads = 0;    // 0: all cores
  int64_t workers = 1;    // loader threads
  std::string init = {};  // checkpoint to start from
  std::string out = {};   // run directory
  bool overwrite = false;
  int64_t checkpoint_every = 1;  // epochs
  int64_t keep = 2;              // checkpoints kept, the newest included
  int64_t log_every = 10;        // steps
  int64_t eval_every = 5;        // epochs; 0: no online evaluation

  bool operator==(const TrainConfig&) const = default;
};

struct Config {
  DataConfig data;
  AugmentConfig augment;
  ModelConfig model;
  ObjectiveConfig objective;
  OptimizerConfig optimizer;
  TrainConfig train;

  bool operator==(const Config&) const = default;
};

// Throws Error(usage) naming the flag, its value and the remedy, for the first value that is out of
// range. That `data` and `out` are there is not checked: not every command needs them.
void validate(const Config& config);

// The whole configuration as TOML, numbers with enough digits to read back to the same bits; the
// optional keys only where they are set. Reads back with config_from_toml to an equal struct.
std::string to_toml(const Config& config);

// `name` stands for the text in messages ("runs/a/config.toml"). Throws Error(usage) with name and
// line for bad syntax, an unknown key (with the nearest one) or a value of the wrong type. Keys
// that are absent keep their defaults.
Config config_from_toml(const std::string& text, const std::string& name);

// The first setting in which the two differ and both of its values, for messages.
struct ConfigDifference {
  std::string key;  // "[optimizer] lr"
  std::string left;
  std::string right;
  // Whether a resumed run may change it: threads, workers, logging and checkpoint cadence.
  bool may_change = false;
};
// The first difference that a resumed run must not have; if there is none, the first one that it
// may have; empty if the two are equal.
std::optional<ConfigDifference> first_difference(const Config& left, const Config& right);

}  // namespace amcl
