#include "train/config/view_config.h"

#include <algorithm>

#include "engine/core/check.h"
#include "train/config/config_value.h"
#include "train/config/method_config.h"

namespace amcl {
namespace {

// A stem that keeps views of 224 px at full size takes eight times the memory of one of stride 4.
constexpr int64_t kSmallSide = 64;
constexpr double kBlur = 0.5;

int64_t longer_side(const ImageExtent& view) {
  return std::max(view.height, view.width);
}

std::string reason_for_temperature(const std::string& method) {
  return gains_by_adapting(method)
             ? concat_text("AMCL, level with the best fixed one for ", method, ", without a search")
             : concat_text("adaptive ones have not been better than the plain loss of ", method);
}

}  // namespace

Config with_views(const Config& config, const ImageExtent& view) {
  Config settled = config;
  const bool small = longer_side(view) <= kSmallSide;
  if (settled.model.stem == "auto") settled.model.stem = small ? "cifar" : "imagenet";
  if (!settled.augment.blur) settled.augment.blur = small ? 0.0 : kBlur;
  return settled;
}

std::vector<std::string> describe_choices(const Config& given, const Config& chosen,
                                          const ImageExtent& view) {
  std::vector<std::string> lines;
  const auto choose = [&](const char* key, bool open, const std::string& reason) {
    const Setting& setting = *find_setting(key);
    if (open) lines.push_back(setting.flag() + ' ' + value_text(setting, chosen) + ": " + reason);
  };
  const bool adaptive = chosen.objective.temperature == "adaptive";
  const int64_t side = longer_side(view);
  const std::string size = concat_text("views of ", side, " px are ",
                                       side <= kSmallSide ? "at most " : "above ", kSmallSide);
  choose("temperature", !given.objective.temperature, reason_for_temperature(chosen.model.method));
  choose("heads", !given.model.heads,
         adaptive ? "as AMCL was measured" : "usual without adaptive temperatures");
  choose("lr",
         !given.optimizer.lr && adaptive && chosen.model.method == "simsiam" &&
             chosen.optimizer.optimizer == "sgd",
         "AMCL with simsiam collapses for a while at first, for longer at a smaller rate");
  choose("clip_norm", !given.optimizer.clip_norm && chosen.optimizer.clip_norm != 0.0,
         concat_text("the gradients of the first steps of ", adaptive ? "AMCL with " : "",
                     chosen.model.method, " are large"));
  choose("stem", given.model.stem == "auto", size);
  choose("blur", !given.augment.blur, size);
  return lines;
}

}  // namespace amcl
