#include <iterator>
#include <memory>

#include "data/dataset.h"
#include "train/commands/command_table.h"
#include "train/commands/option.h"
#include "train/commands/predict.h"

namespace amcl {

void add_predict_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* app =
      table.add(root, "predict", "name the classes of images, by an encoder that was fine-tuned",
                {.usage = "amcl predict RUN|CHECKPOINT --data DIR|FILE|shapes10 [options]",
                 .examples = {"amcl predict runs/classes --data photos --top 3",
                              "amcl predict runs/classes --data photos --out classes.jsonl"},
                 .run = [options](const GlobalOptions&) { return run_predict(*options); }});
  add_value(*app, "encoder", options->encoder,
            {.value = "RUN|CHECKPOINT", .help = "of amcl finetune; of a run the best checkpoint"});
  add_value(*app, "--data", options->data, help_of(*find_setting("data")))->group("Data");
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_value(*app, "--split", options->split,
            {.value = "PART",
             .help = "part of the data",
             .allowed = {std::begin(kSplitNames), std::end(kSplitNames)}})
      ->group("Data");
  add_value(*app, "--limit", options->limit,
            {.value = "N", .unit = "images", .help = "the first N; 0: all", .range = {.low = 0}})
      ->group("Data");
  add_value(*app, "--on-error", options->on_error,
            {.value = "WHAT",
             .help = "at an image that cannot be read: stop, or leave its line without classes",
             .allowed = {"stop", "skip"}})
      ->group("Data");
  add_value(*app, "--error-limit", options->error_limit, help_of(*find_setting("error_limit")))
      ->group("Data");
  add_value(*app, "--top", options->top,
            {.value = "K",
             .unit = "classes",
             .help = "for each image, the most probable first",
             .range = {.low = 1}})
      ->group("Output");
  add_value(*app, "--out", options->out,
            {.value = "FILE", .help = "to write, whole or not at all; left out: stdout"})
      ->group("Output");
  add_value(
      *app, "--format", options->format,
      {.value = "NAME",
       .help = "tab-separated text with a head, or a JSON object a line; left out: json for a "
               "FILE that ends in .json or .jsonl, else tsv",
       .allowed = {"tsv", "json"}})
      ->group("Output");
  app->add_flag("--overwrite", options->overwrite, "replace a file that is there")->group("Output");
  add_device_options(*app, options->device, options->threads);
}

}  // namespace amcl
