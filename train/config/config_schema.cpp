#include "train/config/config_schema.h"

#include <algorithm>
#include <cctype>

#include "train/config/config_schema_parts.h"

namespace amcl {
namespace {

std::vector<Setting> augment_settings() {
  return {
      {.key = "crop_scale",
       .field = AMCL_FIELD(augment.crop_scale),
       .value = "A,B",
       .unit = "share of the area",
       .help = "random resized crop keeps between A and B of the image; 1,1 switches it off",
       .range = {.low = 0, .high = 1, .above_low = true}},
      {.key = "crop_ratio",
       .field = AMCL_FIELD(augment.crop_ratio),
       .value = "A,B",
       .unit = "width / height",
       .help = "of the crop, uniform in its logarithm",
       .range = {.low = 0, .above_low = true}},
      {.key = "interpolation",
       .field = AMCL_FIELD(augment.interpolation),
       .value = "NAME",
       .help = "filter of the crop's resize, with antialias",
       .allowed = {"bilinear", "bicubic"}},
      {.key = "flip",
       .field = AMCL_FIELD(augment.flip),
       .value = "P|P1,P2",
       .unit = "probability",
       .help = "horizontal flip; 0: off; P1,P2: of view 1 and view 2, as for those below",
       .range = {.low = 0, .high = 1}},
      {.key = "jitter",
       .field = AMCL_FIELD(augment.jitter),
       .value = "P|P1,P2",
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
       .value = "P|P1,P2",
       .unit = "probability",
       .help = "conversion to gray",
       .range = {.low = 0, .high = 1}},
      {.key = "blur",
       .field = AMCL_FIELD(augment.blur),
       .value = "P|P1,P2",
       .unit = "probability",
       .help = "Gaussian blur (if not given 0.5 of views above 64 px, else 0)",
       .range = {.low = 0, .high = 1},
       .by_data = true},
      {.key = "blur_sigma",
       .field = AMCL_FIELD(augment.blur_sigma),
       .value = "A,B",
       .unit = "pixels",
       .help = "the blur's sigma is drawn between A and B",
       .range = {.low = 0, .high = 1e6, .above_low = true}},
      {.key = "solarize",
       .field = AMCL_FIELD(augment.solarize),
       .value = "P|P1,P2",
       .unit = "probability",
       .help = "inversion of values from 128 upwards",
       .range = {.low = 0, .high = 1}},
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
