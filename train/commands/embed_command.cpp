#include <iterator>
#include <memory>

#include "data/sources/dataset_options.h"
#include "train/commands/command_table.h"
#include "train/commands/embed.h"
#include "train/commands/option.h"
#include "train/encoder/feature_file.h"

namespace amcl {
namespace {

void add_encoder_options(CLI::App& app, EmbedOptions& options) {
  add_value(app, "encoder", options.encoder,
            {.value = "RUN|CHECKPOINT|FILE",
             .help = "run directory, checkpoint, what amcl export made, or a ResNet of another "
                     "program in safetensors with torchvision's names"});
  add_value(app, "--layer", options.features.layer,
            {.value = "WHICH",
             .help = "features of the backbone, or what a projection head makes of them",
             .allowed = {"backbone", "projection"}})
      ->group("Features");
  add_value(app, "--head", options.features.head,
            {.value = "K", .help = "of the projection, counted from 0", .range = {.low = 0}})
      ->group("Features");
  app.add_flag("--normalize", options.features.normalize, "rows of length 1")->group("Features");
  add_value(app, "--views", options.features.views,
            {.value = "N",
             .help = "mean of the features of N augmented views of each image, drawn as the "
                     "encoder's training drew them; 0: of the image as it is",
             .range = {.low = 0, .high = 4096}})
      ->group("Features");
  add_value(app, "--seed", options.features.seed,
            {.value = "N",
             .help = "of the views: the same seed, image and view give the same pixels, whatever "
                     "the threads or a resume"})
      ->group("Features");
  add_value(app, "--size", options.size,
            {.value = "N",
             .unit = "pixels",
             .help = "side of the images that go in; 0: as the encoder was trained",
             .range = {.low = 0, .high = 4096}})
      ->group("Features");
  add_value(app, "--mean", options.mean,
            {.value = "R,G,B",
             .help = "of the channels; left out: the encoder's, of another program's the images'"})
      ->group("Features");
  add_value(app, "--deviation", options.deviation,
            {.value = "R,G,B", .help = "of the channels; left out: as the mean"})
      ->group("Features");
}

void add_data_options(CLI::App& app, EmbedOptions& options) {
  add_value(app, "--data", options.data, help_of(*find_setting("data")))->group("Data");
  add_value(app, "--layout", options.layout, help_of(*find_setting("layout")))->group("Data");
  add_value(app, "--split", options.split,
            {.value = "PART",
             .help = "part of the data",
             .allowed = {std::begin(kSplitNames), std::end(kSplitNames)}})
      ->group("Data");
  add_value(app, "--limit", options.limit,
            {.value = "N", .unit = "images", .help = "the first N; 0: all", .range = {.low = 0}})
      ->group("Data");
  add_value(app, "--on-error", options.on_error,
            {.value = "WHAT",
             .help = "at an image that cannot be read: stop, or leave its row not a number",
             .allowed = {"stop", "skip"}})
      ->group("Data");
  add_value(app, "--error-limit", options.error_limit, help_of(*find_setting("error_limit")))
      ->group("Data");
}

void add_output_options(CLI::App& app, EmbedOptions& options) {
  add_value(
      app, "--out", options.out,
      {.value = "FILE",
       .help = "to write, a row for each image in the order of the data; FILE.tsv names them, "
               "FILE.json records what made them"})
      ->group("Output");
  add_value(app, "--format", options.format,
            {.value = "NAME",
             .help = "of the file; left out: by its ending",
             .allowed = {std::begin(kFeatureFormatNames), std::end(kFeatureFormatNames)}})
      ->group("Output");
  add_value(app, "--dtype", options.dtype,
            {.value = "TYPE", .help = "of the numbers", .allowed = {"f32", "f16"}})
      ->group("Output");
  app.add_flag(
         "--resume", options.resume,
         "go on where the same command was killed or found the disk full (FILE.partial), to the "
         "same bytes; refused, by name, for another encoder, other images or settings")
      ->group("Output");
  app.add_flag("--overwrite", options.overwrite, "replace a file that is there")->group("Output");
}

}  // namespace

void add_embed_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<EmbedOptions>();
  CLI::App* app = table.add(
      root, "embed", "write the features of images into a file",
      {.usage = "amcl embed RUN|CHECKPOINT|FILE --data DIR|FILE|shapes10 --out FILE [options]",
       .examples = {"amcl embed runs/first --data photos --out photos.npy --normalize",
                    "amcl embed resnet50.safetensors --data photos --out photos.safetensors "
                    "--mean 0.485,0.456,0.406 --deviation 0.229,0.224,0.225"},
       .run = [options](const GlobalOptions& global) {
         options->progress = progress_options(stderr, global.color);
         return run_embed(*options);
       }});
  add_encoder_options(*app, *options);
  add_data_options(*app, *options);
  add_output_options(*app, *options);
  add_device_options(*app, options->device, options->threads);
  add_value(*app, "--precision", options->features.precision,
            {.value = "NAME",
             .help = "of the backbone; bf16 is faster where the CPU multiplies it, and near f32",
             .allowed = {"f32", "bf16"}})
      ->group("Machine");
}

}  // namespace amcl
