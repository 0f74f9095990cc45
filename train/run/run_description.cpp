#include "train/run/run_description.h"

#include <string>
#include <vector>

#include "data/views/dataset_placement.h"
#include "engine/core/parallel_for.h"
#include "train/config/complete.h"
#include "train/config/value_text.h"
#include "train/printable.h"

namespace amcl {
namespace {

// The rate that is in effect, with the rule that made it, and its course.
std::string schedule_text(const Config& config, const Schedule& schedule) {
  const ScheduleOptions& options = config.schedule;
  std::string text = concat_text("peak lr ", schedule.peak);
  if (options.lr_reference_batch > 0)
    text += concat_text(" (", options.lr, " x ", config.train.batch, " / ",
                        options.lr_reference_batch, ')');
  text += concat_text(", warm-up ", schedule.warmup, " steps, then ");
  if (schedule.shape == ScheduleShape::constant) return text + "constant";
  if (schedule.shape == ScheduleShape::cosine)
    return text + concat_text("cosine to ", schedule.floor);
  return text + concat_text("times ", schedule.gamma, " after epochs ",
                            numbers_text(options.milestones.data(), options.milestones.size()));
}

std::string evaluation_text(const Config& config, const OnlineEvaluation* evaluation) {
  if (evaluation == nullptr) return "none";
  return concat_text("every ", config.train.eval_every, " epochs, ",
                     evaluation->labelled()
                         ? "kNN and linear probe on test images"
                         : "alignment, uniformity and effective rank: no labelled test images");
}

std::string warmup_text(const Config& config) {
  const double epochs = common(config.method).objective.temperature_warmup_epochs;
  return epochs > 0.0 ? concat_text(", warm-up ", epochs, " epochs") : std::string();
}

std::string held_out_text(const Dataset* held_out) {
  if (held_out == nullptr)
    return "none: too few labels to hold some out; the last checkpoint counts";
  return concat_text("on ", held_out->count(),
                     " held-out images (labels.tsv), which choose best.safetensors");
}

std::string model_text(const ResNetOptions& backbone) {
  return concat_text("model      ", backbone.backbone, " of width ", backbone.width, " (",
                     backbone.stem, " stem), ");
}

// Lines "method" to "objective", the last without its end.
std::string self_supervised_lines(const Config& config, Trainer& trainer) {
  const MethodTraits& traits = traits_of(config.method);
  const auto [backbone, projector, objective, batch_norm] = common(config.method);
  std::string temperature = concat_text("temperature ", objective.temperature);
  if (objective.adaptive)
    temperature = concat_text("temperature adaptive from ", objective.amcl.range.low, " to ",
                              objective.amcl.range.high, warmup_text(config));
  else if (!traits.temperature)
    temperature = "without temperature";
  if (objective.head_decorrelation > 0.0)
    temperature += concat_text(", head decorrelation ", objective.head_decorrelation);
  return concat_text("method     ", traits.name, '\n', model_text(backbone), "heads ",
                     projector.heads, ", ", trainer.arena().parameter_count(),
                     " parameters\nobjective  ", objective.name, ", ", temperature);
}

std::string classifier_lines(const ClassifierOptions& options, Trainer& trainer) {
  std::string objective = options.objective.name;
  if (options.label_smoothing > 0.0)
    objective += concat_text(", label smoothing ", options.label_smoothing);
  return concat_text("labels     ", options.labels, ", ", options.projector.dim, " classes\n",
                     model_text(options.backbone),
                     options.freeze ? "frozen, linear layer" : "and linear layer", " at lr ",
                     options.head_lr, ", ", trainer.arena().parameter_count(),
                     " parameters\nobjective  ", objective);
}

// Where the images live, and what of the source is none of them.
std::string describe_data(const Dataset& dataset, Backend& backend) {
  const std::string passed_over = printable(dataset.passed_over.text());
  return describe_placement(dataset, backend) + (passed_over.empty() ? "" : "; ") + passed_over;
}

}  // namespace

void print_choices(std::FILE* notes, const ResolvedConfig& given, const Config& config,
                   const Dataset& dataset) {
  for (const std::string& choice : describe_choices(given, config, dataset.view_extent()))
    std::fprintf(notes, "chosen     %s\n", choice.c_str());
}

void print_warnings(std::FILE* notes, const RunData& data) {
  for (const std::vector<std::string>& warnings : {data.dataset.warnings, data.test_warnings})
    for (const std::string& warning : warnings)
      std::fprintf(notes, "warning: %s\n", printable(warning).c_str());
}

void describe_run(std::FILE* notes, const RunData& data, Trainer& trainer, const Config& config) {
  const Dataset& dataset = data.dataset;
  const ImageExtent view = dataset.view_extent();
  const auto* classifier = std::get_if<ClassifierOptions>(&config.method);
  const std::string text = concat_text(
      "data       ", printable(dataset.name), " (", printable(dataset.layout), "), ",
      dataset.count(), " images, views ", view.height, " x ", view.width, ", ",
      describe_data(dataset, *data.backend), '\n',
      classifier != nullptr ? classifier_lines(*classifier, trainer)
                            : self_supervised_lines(config, trainer),
      ", chance loss ", trainer.method().chance_level(config.train.batch), "\nschedule   ",
      config.train.epochs, " epochs of ", trainer.steps_per_epoch(), " steps, batch ",
      config.train.batch, ", ", schedule_text(config, trainer.schedule()), "\noptimizer  ",
      config.optimizer.text(), "\nevaluation ",
      classifier != nullptr ? held_out_text(trainer.held_out())
                            : evaluation_text(config, trainer.online_evaluation()),
      "\ndevice     ", data.backend->name(), ", threads ", compute_threads(), ", workers ",
      config.train.workers, "\n");
  std::fputs(text.c_str(), notes);
  print_warnings(notes, data);
}

}  // namespace amcl
