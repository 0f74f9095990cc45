#include "train/config_schema.h"

#include <algorithm>
#include <cctype>

#include "models/objectives/presets.h"
#include "models/resnet.h"
#include "train/config_schema_parts.h"

namespace amcl {
namespace {

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
