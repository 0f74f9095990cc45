#include "train/config_schema.h"

#include <algorithm>
#include <cctype>

#include "engine/backend/open.h"
#include "models/objectives/presets.h"
#include "models/resnet.h"

namespace amcl {
namespace {

// The place of a member as a function, for the table.
#define AMCL_FIELD(member) +[](Config& config) -> ConfigField { return &config.member; }

// The thread libraries crash rather than refuse where the machine cannot make as many.
constexpr double kMostThreads = 1024;

std::vector<Setting> data_settings() {
  return {
      {.key = "data",
       .field = AMCL_FIELD(data.data),
       .value = "DIR|shapes10",
       .help = "directory of CIFAR-10 or CIFAR-100 (binary version), or the built-in set shapes10"},
      {.key = "limit",
       .field = AMCL_FIELD(data.limit),
       .value = "N",
       .unit = "images",
       .help = "train on the first N images; 0: all",
       .range = {.low = 0}},
  };
}

std::vector<Setting> augment_settings() {
  return {
      {.key = "crop_scale",
       .field = AMCL_FIELD(augment.crop_scale),
       .value = "A,B",
       .unit = "share of the area",
       .help = "random resized crop keeps between A and B of the image; 1,1 switches it off",
       .range = {.low = 0, .high = 1, .above_low = true}},
      {.key = "flip",
       .field = AMCL_FIELD(augment.flip),
       .value = "P",
       .unit = "probability",
       .help = "horizontal flip; 0 switches it off, as for those below",
       .range = {.low = 0, .high = 1}},
      {.key = "jitter",
       .field = AMCL_FIELD(augment.jitter),
       .value = "P",
       .unit = "probability",
       .help = "colour jitter",
       .range = {.low = 0, .high = 1}},
      {.key = "jitter_strength",
       .field = AMCL_FIELD(augment.jitter_strength),
       .value = "B,C,S,H",
       .help = "brightness, contrast and saturation (factors 1 +- x), hue (turns, at most 0.5)",
       .range = {.low = 0}},
      {.key = "grayscale",
       .field = AMCL_FIELD(augment.grayscale),
       .value = "P",
       .unit = "probability",
       .help = "conversion to gray",
       .range = {.low = 0, .high = 1}},
      {.key = "blur",
       .field = AMCL_FIELD(augment.blur),
       .value = "P",
       .unit = "probability",
       .help = "Gaussian blur",
       .range = {.low = 0, .high = 1}},
      {.key = "blur_sigma",
       .field = AMCL_FIELD(augment.blur_sigma),
       .value = "A,B",
       .unit = "pixels",
       .help = "the blur's sigma is drawn between A and B",
       .range = {.low = 0, .above_low = true}},
  };
}

std::vector<Setting> model_settings() {
  return {
      {.key = "method",
       .field = AMCL_FIELD(model.method),
       .value = "NAME",
       .help = "self-supervised method",
       .allowed = {"simclr"}},
      {.key = "backbone",
       .field = AMCL_FIELD(model.backbone),
       .value = "NAME",
       .help = "encoder",
       .allowed = backbone_names()},
      {.key = "width",
       .field = AMCL_FIELD(model.width),
       .value = "N",
       .unit = "channels",
       .help = "of the first stage; 64 is torchvision's",
       .range = {.low = 1}},
      {.key = "stem",
       .field = AMCL_FIELD(model.stem),
       .value = "NAME",
       .help = "cifar: 3x3 at full size, for small images; imagenet: 7x7 and pooling, stride 4",
       .allowed = stem_names()},
      {.key = "heads",
       .field = AMCL_FIELD(model.heads),
       .value = "C",
       .help = "projection heads; the losses of all are summed",
       .range = {.low = 1}},
      {.key = "head_hidden",
       .field = AMCL_FIELD(model.head_hidden),
       .value = "H",
       .unit = "units",
       .help = "hidden layer of a head; 0: as wide as the features",
       .range = {.low = 0}},
      {.key = "head_dim",
       .field = AMCL_FIELD(model.head_dim),
       .value = "D",
       .unit = "units",
       .help = "output of a head",
       .range = {.low = 1}},
      {.key = "bn_views",
       .field = AMCL_FIELD(model.bn_views),
       .value = "HOW",
       .help = "batch-norm statistics of each view by itself, or of both together",
       .allowed = {"separate", "joint"}},
  };
}

std::vector<Setting> objective_settings() {
  return {
      {.key = "objective",
       .field = AMCL_FIELD(objective.objective),
       .value = "PRESET",
       .help = "form of the loss with adaptive temperature; it gives the defaults of the rest",
       .allowed = preset_names()},
      {.key = "temperature",
       .field = AMCL_FIELD(objective.temperature),
       .value = "adaptive|fixed|T",
       .help = "adaptive: AMCL; fixed: the method's usual value; T > 0: this value",
       .number_too = true},
      {.key = "temperature_low",
       .field = AMCL_FIELD(objective.temperature_low),
       .value = "T",
       .help = "lower bound of adaptive temperatures",
       .range = {.low = 0, .above_low = true}},
      {.key = "temperature_high",
       .field = AMCL_FIELD(objective.temperature_high),
       .value = "T",
       .help = "upper bound of adaptive temperatures",
       .range = {.low = 0, .above_low = true}},
      {.key = "reducer",
       .field = AMCL_FIELD(objective.reducer),
       .value = "NAME",
       .help = "over the negatives: log-sum-exp, mean of the most similar, or the most similar",
       .allowed = {"lse", "topk", "hard"}},
      {.key = "topk",
       .field = AMCL_FIELD(objective.topk),
       .value = "N",
       .help = "negatives that the reducer topk takes",
       .range = {.low = 1}},
      {.key = "with_positive",
       .field = AMCL_FIELD(objective.with_positive),
       .help = "the positive is among the candidates of the reducer"},
      {.key = "omega",
       .field = AMCL_FIELD(objective.omega),
       .value = "WHERE",
       .help = "regularizer on the positive's temperature, or inside the logits as in the paper",
       .allowed = {"anchored", "paired"}},
      {.key = "beta",
       .field = AMCL_FIELD(objective.beta),
       .value = "X",
       .help = "weight of the regularizer Omega = a log(tau) + 1/tau",
       .range = {.low = 0}},
      {.key = "omega_a",
       .field = AMCL_FIELD(objective.omega_a),
       .value = "X",
       .help = "its a, which pulls tau towards 1/a"},
      {.key = "beta_negative",
       .field = AMCL_FIELD(objective.beta_negative),
       .value = "X",
       .help = "weight on the negatives, where paired",
       .range = {.low = 0}},
      {.key = "omega_a_negative",
       .field = AMCL_FIELD(objective.omega_a_negative),
       .value = "X",
       .help = "a of the negatives, where paired"},
      {.key = "phi",
       .field = AMCL_FIELD(objective.phi),
       .value = "NAME",
       .help = "how the temperature net scores a pair",
       .allowed = {"dot", "concat"}},
      {.key = "phi_hidden",
       .field = AMCL_FIELD(objective.phi_hidden),
       .value = "N",
       .unit = "units",
       .help = "hidden layer of the temperature net",
       .range = {.low = 1}},
      {.key = "phi_shared",
       .field = AMCL_FIELD(objective.phi_shared),
       .help = "one temperature net for all heads"},
      {.key = "score_scale",
       .field = AMCL_FIELD(objective.score_scale),
       .value = "X",
       .help = "factor of the score dot"},
  };
}

std::vector<Setting> optimizer_settings() {
  return {
      {.key = "lr",
       .field = AMCL_FIELD(optimizer.lr),
       .value = "X",
       .help = "learning rate after the warm-up, before the cosine; not scaled by the batch",
       .range = {.low = 0}},
      {.key = "momentum",
       .field = AMCL_FIELD(optimizer.momentum),
       .value = "X",
       .help = "of stochastic gradient descent",
       .range = {.low = 0, .high = 1}},
      {.key = "weight_decay",
       .field = AMCL_FIELD(optimizer.weight_decay),
       .value = "X",
       .help = "added to the gradient, times the weight",
       .range = {.low = 0}},
      {.key = "decay_norm_bias",
       .field = AMCL_FIELD(optimizer.decay_norm_bias),
       .help = "decay norms and biases too"},
      {.key = "warmup_epochs",
       .field = AMCL_FIELD(optimizer.warmup_epochs),
       .value = "X",
       .unit = "epochs",
       .help = "the rate rises linearly from 0, step by step",
       .range = {.low = 0}},
      {.key = "clip_norm",
       .field = AMCL_FIELD(optimizer.clip_norm),
       .value = "X",
       .help = "largest norm of the whole gradient; 0: no clipping",
       .range = {.low = 0}},
  };
}

std::vector<Setting> train_settings() {
  return {
      {.key = "epochs",
       .field = AMCL_FIELD(train.epochs),
       .value = "N",
       .help = "passes over the training images",
       .range = {.low = 0}},
      {.key = "batch",
       .field = AMCL_FIELD(train.batch),
       .value = "N",
       .unit = "image pairs",
       .help = "per step",
       .range = {.low = 2}},
      {.key = "seed",
       .field = AMCL_FIELD(train.seed),
       .value = "N",
       .help = "of all randomness: initial weights, order, augmentation"},
      {.key = "device",
       .field = AMCL_FIELD(train.device),
       .value = "NAME",
       .help = "cpu: vectorised; plain: readable loops, slow; cuda: a GPU, fails without one",
       .allowed = {"cpu", "plain", "cuda"}},
      {.key = "conv_algorithm",
       .field = AMCL_FIELD(train.conv_algorithm),
       .value = "NAME",
       .help = "of the cpu, for 3x3 windows of stride 1; auto: Winograd where it is faster",
       .allowed = conv_algorithm_names()},
      {.key = "threads",
       .field = AMCL_FIELD(train.threads),
       .value = "N",
       .help = "that compute; 0: one per core; the bits of a result depend on it",
       .range = {.low = 0, .high = kMostThreads},
       .may_change = true},
      {.key = "workers",
       .field = AMCL_FIELD(train.workers),
       .value = "N",
       .help = "threads that load and augment; no result depends on it",
       .range = {.low = 0, .high = kMostThreads},
       .may_change = true},
      {.key = "init",
       .field = AMCL_FIELD(train.init),
       .value = "FILE",
       .help = "checkpoint whose weights to start from"},
      {.key = "out",
       .field = AMCL_FIELD(train.out),
       .value = "DIR",
       .help = "run directory, made if it is not there"},
      {.key = "overwrite",
       .field = AMCL_FIELD(train.overwrite),
       .help = "replace the run that the directory holds"},
      {.key = "checkpoint_every",
       .field = AMCL_FIELD(train.checkpoint_every),
       .value = "N",
       .unit = "epochs",
       .help = "between two checkpoints",
       .range = {.low = 1},
       .may_change = true},
      {.key = "keep",
       .field = AMCL_FIELD(train.keep),
       .value = "N",
       .unit = "checkpoints",
       .help = "kept, the newest included",
       .range = {.low = 1},
       .may_change = true},
      {.key = "log_every",
       .field = AMCL_FIELD(train.log_every),
       .value = "N",
       .unit = "steps",
       .help = "between two lines of metrics.jsonl",
       .range = {.low = 1},
       .may_change = true},
  };
}

#undef AMCL_FIELD

struct TablePart {
  ConfigTable table;
  std::vector<Setting> (*settings)();
};

constexpr TablePart kParts[] = {
    {{"data", "Data"}, data_settings},
    {{"augment", "Augmentation"}, augment_settings},
    {{"model", "Model"}, model_settings},
    {{"objective", "Objective"}, objective_settings},
    {{"optimizer", "Optimizer"}, optimizer_settings},
    {{"train", "Training"}, train_settings},
};

}  // namespace

bool Setting::is_text() const {
  Config config;
  const ConfigField place = field(config);
  return std::holds_alternative<std::string*>(place) ||
         std::holds_alternative<std::optional<std::string>*>(place);
}

std::string Setting::config_name() const {
  return '[' + table + "] " + key;
}

std::string Setting::flag() const {
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string Setting::environment_name() const {
  std::string name = "AMCL_" + table + '_' + key;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char character) {
    return static_cast<char>(std::toupper(character));
  });
  return name;
}

const std::vector<Setting>& config_settings() {
  static const std::vector<Setting> settings = [] {
    std::vector<Setting> all;
    for (const TablePart& part : kParts) {
      for (Setting& setting : part.settings()) {
        setting.table = part.table.name;
        all.push_back(std::move(setting));
      }
    }
    return all;
  }();
  return settings;
}

std::vector<ConfigTable> config_tables() {
  std::vector<ConfigTable> tables;
  for (const TablePart& part : kParts) tables.push_back(part.table);
  return tables;
}

const Setting* find_setting(const std::string& name) {
  for (const Setting& setting : config_settings()) {
    if (name == setting.key || name == setting.table + '.' + setting.key) return &setting;
  }
  return nullptr;
}

}  // namespace amcl
