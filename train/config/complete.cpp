#include "train/config/complete.h"

#include <algorithm>

#include "engine/core/check.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"

namespace amcl {
namespace {

bool stem_is_open(const Config& config) {
  return common(config.method).backbone.stem == kAutoStem;
}

void set_stem(Config& config, const std::string& stem) {
  std::visit([&](auto& method) { method.backbone.stem = stem; }, config.method);
}

std::string reason_for_temperature(const MethodTraits& traits) {
  return traits.usually_adaptive
             ? concat_text("AMCL, level with the best fixed one for ", traits.name,
                           ", without a search")
             : concat_text("adaptive ones have not been better than the plain loss of ",
                           traits.name);
}

}  // namespace

Config complete(const Config& config, const ImageExtent& view, int64_t classes) {
  Config result = config;
  const int64_t side = std::max(view.height, view.width);
  if (stem_is_open(config)) set_stem(result, usual_stem(side));
  if (!config.augment.blur) result.augment.blur = usual_blur(side);
  if (auto* classifier = std::get_if<ClassifierOptions>(&result.method);
      classifier != nullptr && classifier->projector.dim == 0)
    classifier->projector.dim = classes;
  return result;
}

Config complete_as(const Config& config, const Config& started) {
  Config result = config;
  if (stem_is_open(config)) set_stem(result, common(started.method).backbone.stem);
  if (!config.augment.blur) result.augment.blur = started.augment.blur;
  const auto* before = std::get_if<ClassifierOptions>(&started.method);
  if (auto* classifier = std::get_if<ClassifierOptions>(&result.method);
      classifier != nullptr && before != nullptr && classifier->projector.dim == 0)
    classifier->projector.dim = before->projector.dim;
  return result;
}

std::vector<std::string> describe_choices(const ResolvedConfig& given, const Config& completed,
                                          const ImageExtent& view) {
  std::vector<std::string> lines;
  const auto describe = [&](const char* key, bool chosen, const std::string& reason) {
    const std::optional<std::string> value = value_of(completed, key);
    if (chosen && value) lines.push_back(concat_text(flag_of(key), ' ', *value, ": ", reason));
  };
  const MethodTraits& traits = traits_of(completed.method);
  const bool adaptive = common(completed.method).objective.adaptive;
  const bool sgd = std::holds_alternative<SgdSpec>(completed.optimizer.rule);
  const int64_t side = std::max(view.height, view.width);
  const std::string size =
      concat_text("views of ", side, " px are ", side <= 64 ? "at most" : "above", " 64");
  const bool temperature_matters = traits.has_amcl;
  describe("temperature", !given.gives("temperature") && temperature_matters,
           reason_for_temperature(traits));
  describe("heads", !given.gives("heads"),
           adaptive ? "as AMCL was measured" : "usual without adaptive temperatures");
  describe("lr", !given.gives("lr") && sgd && completed.schedule.lr != SgdValues{}.rate,
           (adaptive ? traits.sgd_adaptive : traits.sgd).why_rate);
  describe("clip_norm", !given.gives("clip_norm") && completed.optimizer.clip_norm != 0.0,
           concat_text("the gradients of the first steps of ", adaptive ? "AMCL with " : "",
                       traits.name, " are large"));
  describe("batch", completed.train.batch != given.config.train.batch,
           "as many as there are labels to learn from");
  describe("stem", stem_is_open(given.config), size);
  describe("blur", !given.config.augment.blur, size);
  return lines;
}

}  // namespace amcl
