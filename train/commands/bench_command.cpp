#include <iostream>
#include <memory>

#include "models/resnet.h"
#include "train/bench/bench_data.h"
#include "train/bench/bench_encoder.h"
#include "train/bench/bench_pairs.h"
#include "train/bench/bench_step.h"
#include "train/commands/command_table.h"
#include "train/commands/option.h"
#include "train/exit_code.h"

namespace amcl {
namespace {

void add_bench_data_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<BenchDataOptions>();
  CLI::App* app =
      table.add(group, "data", "time augmentation and the loader on images made up here",
                {.usage = "amcl bench data [options]",
                 .examples = {"amcl bench data", "amcl bench data --workers 1 --seconds 10"},
                 .run = [options](const GlobalOptions&) {
                   run_bench_data(*options, std::cout);
                   return int{kExitDone};
                 }});
  add_value(*app, "--device", options->device,
            {.value = "NAME", .help = "whose kernels", .allowed = {"cpu", "plain"}});
  add_value(*app, "--workers", options->workers,
            {.value = "N",
             .help = "threads that augment at the same time; 0: one per core",
             .range = {.low = 0.0}});
  add_value(*app, "--seconds", options->seconds,
            {.value = "S",
             .unit = "seconds",
             .help = "time spent on each figure",
             .range = {.low = 0.05, .high = 600.0}});
  add_value(*app, "--write-images", options->write_images,
            {.value = "DIR",
             .help = "write the JPEG images that are decoded there, for other programs to decode"});
}

void add_bench_encoder_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<BenchEncoderOptions>();
  CLI::App* app =
      table.add(group, "encoder", "time an encoder on images made up here",
                {.usage = "amcl bench encoder [options]",
                 .examples = {"amcl bench encoder",
                              "amcl bench encoder --backbone resnet50 --size 224 --batch 16"},
                 .run = [options](const GlobalOptions&) {
                   run_bench_encoder(*options, std::cout, std::cerr);
                   return int{kExitDone};
                 }});
  const auto add_count = [&](const char* name, int64_t& target, const char* help) {
    add_value(*app, name, target, {.value = "N", .help = help, .range = {.low = 1.0}});
  };
  add_value(*app, "--backbone", options->backbone,
            {.value = "NAME", .help = "its depth", .allowed = backbone_names()});
  add_count("--width", options->width, "channels of the first stage");
  add_count("--size", options->size,
            "pixels of a side of an image; the stem is CIFAR's up to 64, ImageNet's above");
  add_count("--batch", options->batch, "images at once");
  add_value(*app, "--seconds", options->seconds,
            {.value = "S",
             .unit = "seconds",
             .help = "time spent",
             .range = {.low = 0.05, .high = 600.0}});
  add_device_options(*app, options->device, options->threads);
  add_value(*app, "--precision", options->precision,
            {.value = "NAME", .help = "of activations and weights", .allowed = {"f32", "bf16"}})
      ->group("Machine");
  app->add_flag("--profile", options->profile, "print the time of every kernel on stderr too");
}

void add_bench_pairs_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<BenchPairsOptions>();
  CLI::App* app =
      table.add(group, "pairs", "time the loss over all pairs of a batch, alone",
                {.usage = "amcl bench pairs [options]",
                 .examples = {"amcl bench pairs", "amcl bench pairs --rows 16384 --heads 1"},
                 .run = [options](const GlobalOptions&) {
                   run_bench_pairs(*options, std::cout, std::cerr);
                   return int{kExitDone};
                 }});
  const auto add_count = [&](const char* name, int64_t& target, double low, const char* help) {
    add_value(*app, name, target, {.value = "N", .help = help, .range = {.low = low}});
  };
  add_count("--rows", options->rows, 4.0, "rows of a batch, both views together");
  add_count("--heads", options->heads, 1.0, "projection heads");
  add_count("--features", options->features, 1.0, "features of a head");
  add_count("--repeats", options->repeats, 1.0, "losses with gradients that are timed");
  add_device_options(*app, options->device, options->threads);
  app->add_flag("--profile", options->profile, "print the time of every kernel on stderr too");
}

void add_bench_step_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<BenchStepOptions>();
  CLI::App* app = table.add(
      group, "step", "time one training step on images made up here",
      {.usage = "amcl bench step [options]",
       .examples = {"amcl bench step", "amcl bench step --width 16 --batch 128 --profile"},
       .run = [options](const GlobalOptions&) {
         run_bench_step(*options, std::cout, std::cerr);
         return int{kExitDone};
       }});
  const auto add_count = [&](const char* name, int64_t& target, double low, const char* help) {
    add_value(*app, name, target, {.value = "N", .help = help, .range = {.low = low}});
  };
  add_value(*app, "--backbone", options->backbone,
            {.value = "NAME",
             .help = "resnet50 has ImageNet's stem, the others CIFAR's",
             .allowed = backbone_names()});
  add_count("--width", options->width, 1.0, "channels of the first stage");
  add_count("--batch", options->batch, 2.0, "image pairs per step");
  add_count("--size", options->size, 1.0, "pixels of a side of an image");
  add_count("--heads", options->heads, 1.0, "projection heads");
  add_value(*app, "--temperature", options->temperature,
            {.value = "adaptive|T", .help = "AMCL with a temperature net, or NT-Xent at T"});
  add_count("--steps", options->steps, 1.0, "steps that are timed");
  add_count("--warmup", options->warmup, 0.0, "steps before them");
  add_device_options(*app, options->device, options->threads);
  add_value(*app, "--precision", options->precision, help_of(*find_setting("precision")))
      ->group("Machine");
  add_value(*app, "--conv-algorithm", options->conv_algorithm,
            help_of(*find_setting("conv_algorithm")))
      ->group("Machine");
  app->add_flag("--deterministic", options->deterministic,
                "cuda: only algorithms that repeat to the bit")
      ->group("Machine");
  app->add_flag("!--no-capture", options->capture, "cuda: launch every step anew, replay none")
      ->group("Machine");
  app->add_flag("--profile", options->profile, "print the time of every kernel on stderr too");
}

}  // namespace

void add_bench_command(CommandTable& table, CLI::App& root) {
  CLI::App* group =
      table.add(root, "bench", "measure this machine; one JSON object per line on stdout",
                {.usage = "amcl bench data|encoder|pairs|step [options]",
                 .examples = {"amcl bench data", "amcl bench step --width 16 --batch 128"},
                 .run = {}});
  add_bench_data_command(table, *group);
  add_bench_encoder_command(table, *group);
  add_bench_pairs_command(table, *group);
  add_bench_step_command(table, *group);
}

}  // namespace amcl
