#include <iostream>
#include <memory>

#include "engine/core/check.h"
#include "train/checkpoint/run_files.h"
#include "train/commands/command_table.h"
#include "train/commands/option.h"
#include "train/encoder/export.h"
#include "train/printable.h"

namespace amcl {
namespace {

struct ExportOptions {
  std::string encoder;
  std::string out;
  std::string prefix;
  bool overwrite = false;
};

int run_export(const ExportOptions& options) {
  AMCL_CHECK(!options.encoder.empty() && !options.out.empty(),
             "export: name the encoder and the file to make, such as: amcl export runs/first --out "
             "encoder.safetensors");
  AMCL_CHECK(options.out.ends_with(".safetensors"), "--out is ", options.out,
             ": must end in .safetensors");
  if (file_exists(options.out) && !options.overwrite)
    fail(ErrorKind::usage, "--out ", options.out, " is there; --overwrite replaces it");
  const EncoderFile encoder = read_encoder_file(options.encoder, [](const std::string& note) {
    std::fprintf(stderr, "note: %s\n", printable(note).c_str());
  });
  write_encoder(encoder, options.prefix, options.out);
  std::cout << printable(options.out) << ": " << encoder.backbone.backbone << " of width "
            << encoder.backbone.width << " (" << encoder.backbone.stem << " stem), "
            << encoder.file.tensors.size() << " tensors in torchvision's names" << std::endl;
  return 0;
}

}  // namespace

void add_export_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* app = table.add(
      root, "export", "write an encoder into a file that other programs load",
      {.usage = "amcl export RUN|CHECKPOINT --out FILE.safetensors [options]",
       .examples = {"amcl export runs/first --out encoder.safetensors",
                    "amcl export runs/first --out encoder.safetensors --prefix backbone."},
       .run = [options](const GlobalOptions&) { return run_export(*options); }});
  add_value(*app, "encoder", options->encoder,
            {.value = "RUN|CHECKPOINT|FILE", .help = "as of amcl embed"});
  add_value(*app, "--out", options->out,
            {.value = "FILE.safetensors",
             .help = "to write: the backbone in torchvision's names, which load strictly into its "
                     "ResNet without fc"})
      ->group("Output");
  add_value(*app, "--prefix", options->prefix,
            {.value = "TEXT", .help = "before every name, such as backbone."})
      ->group("Output");
  app->add_flag("--overwrite", options->overwrite, "replace a file that is there")->group("Output");
}

}  // namespace amcl
