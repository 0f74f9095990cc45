#include <memory>

#include "data/sources/open_dataset.h"
#include "train/commands/command_table.h"
#include "train/commands/evaluate.h"
#include "train/commands/option.h"

namespace amcl {
namespace {

void add_model_options(CLI::App& app, EvaluateOptions& options) {
  add_value(
      app, "run", options.run,
      {.value = "RUN|CHECKPOINT|FILE",
       .help = "run directory, checkpoint, or another file of an encoder, as of amcl embed; may "
               "be left out with --features pixels"});
  add_value(app, "--features", options.features,
            {.value = "WHICH",
             .help = "features of the encoder, or raw pixels as a baseline",
             .allowed = {"backbone", "pixels"}})
      ->group("Model");
  app.add_flag("--random-init", options.random_init,
               "the same encoder with random weights, as a baseline")
      ->group("Model");
}

void add_channels(CLI::App& app, const std::string& name,
                  std::optional<std::array<double, 3>>& target, const std::string& help) {
  const auto parse = [&target, name](const std::string& text) {
    if (const char* expected = parse_value(text, target.emplace()))
      fail_option(name, text, std::string("must be ") + expected);
  };
  app.add_option_function<std::string>(name, parse, help)
      ->type_name("R,G,B")
      ->take_last()
      ->group("Data");
}

void add_data_options(CLI::App& app, EvaluateOptions& options) {
  add_value(
      app, "--data", options.data,
      {.value = "DIR|FILE|shapes10", .help = "labelled images; left out: the data of the run"})
      ->group("Data");
  add_value(app, "--layout", options.layout,
            {.value = "NAME",
             .help = "how --data is laid out; auto: recognised by what lies there",
             .allowed = dataset_layouts()})
      ->group("Data");
  add_value(app, "--val-fraction", options.val_fraction,
            {.value = "X",
             .unit = "share of the images",
             .help = "training images held back to test on, by the hash of their names; 0: the "
                     "test images of --data; left out: as in the run",
             .range = {.low = 0, .high = 0.9}})
      ->group("Data");
  add_value(
      app, "--size", options.size,
      {.value = "N",
       .unit = "pixels",
       .help = "side of the images that are compared; 0: as in the run, of pixels without one "
               "the images' own",
       .range = {.low = 0, .high = 4096}})
      ->group("Data");
  add_channels(app, "--mean", options.mean,
               "of the channels; left out: the encoder's, else the images'");
  add_channels(app, "--deviation", options.deviation, "of the channels; left out: as the mean");
  add_value(app, "--limit", options.limit,
            {.value = "N",
             .unit = "images",
             .help = "compare with the first N training images; 0: all",
             .range = {.low = 0}})
      ->group("Data");
}

void add_protocol_options(CLI::App& app, EvaluateOptions& options) {
  add_list(app, "--protocol", options.protocol,
           {.value = "LIST",
            .help = "weighted k nearest neighbours, linear probe, or several with commas; the "
                    "classifier of amcl finetune is scored on test images with its classes anyway, "
                    "and if named must be",
            .allowed = {"knn", "linear", "classifier"}})
      ->group("Protocol");
  add_value(app, "--k", options.k,
            {.value = "N", .unit = "neighbours", .help = "that vote", .range = {.low = 1}})
      ->group("Protocol");
  add_value(app, "--knn-temperature", options.knn_temperature,
            {.value = "T",
             .help = "a neighbour of similarity s votes with exp(s / T)",
             .range = {.low = 0.0, .above_low = true}})
      ->group("Protocol");
}

void add_output_options(CLI::App& app, EvaluateOptions& options) {
  app.add_flag("--json", options.json, "one JSON object on stdout instead of text")
      ->group("Output");
  add_value(app, "--neighbours", options.neighbours,
            {.value = "FILE.png", .help = "draw test images beside their nearest neighbours"})
      ->group("Output");
}

}  // namespace

void add_evaluate_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* app =
      table.add(root, "evaluate", "measure what the features of an encoder are worth",
                {.usage = "amcl evaluate RUN|CHECKPOINT|FILE [options]",
                 .examples = {"amcl evaluate runs/first --protocol knn,linear",
                              "amcl evaluate --features pixels --data shapes10 --k 20 --json"},
                 .run = [options](const GlobalOptions&) { return run_evaluate(*options); }});
  add_model_options(*app, *options);
  add_data_options(*app, *options);
  add_protocol_options(*app, *options);
  add_device_options(*app, options->device, options->threads);
  add_output_options(*app, *options);
}

}  // namespace amcl
