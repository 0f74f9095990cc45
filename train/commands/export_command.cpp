#include <iostream>
#include <memory>

#include "engine/core/check.h"
#include "train/checkpoint/run_files.h"
#include "train/commands/command_table.h"
#include "train/commands/option.h"
#include "train/encoder/export.h"
#include "train/encoder/onnx_export.h"
#include "train/printable.h"

namespace amcl {
namespace {

struct ExportOptions {
  std::string encoder;
  std::string out;
  std::string prefix;
  OnnxOptions onnx;
  bool overwrite = false;
};

// Whether the graph is written, or the tensors alone; options of the other are refused.
bool is_onnx(const ExportOptions& options) {
  const bool onnx = options.out.ends_with(".onnx");
  AMCL_CHECK(onnx || options.out.ends_with(".safetensors"), "--out is ", options.out,
             ": must end in .safetensors or .onnx");
  const auto check = [&](const char* flag, bool given, bool of_onnx) {
    AMCL_CHECK(!given || onnx == of_onnx, flag, " has no effect on ", options.out, ": only ",
               of_onnx ? ".onnx" : ".safetensors", " has it; leave it out");
  };
  check("--prefix", !options.prefix.empty(), false);
  check("--fold-batch-norm", options.onnx.fold_batch_norm, true);
  check("--with-preprocessing", options.onnx.with_preprocessing, true);
  check("--with-head", options.onnx.with_head, true);
  return onnx;
}

int run_export(const ExportOptions& options) {
  AMCL_CHECK(!options.encoder.empty() && !options.out.empty(),
             "export: name the encoder and the file to make, such as: amcl export runs/first --out "
             "encoder.safetensors");
  const bool onnx = is_onnx(options);
  if (file_exists(options.out) && !options.overwrite)
    fail(ErrorKind::usage, "--out ", options.out, " is there; --overwrite replaces it");
  const EncoderFile encoder = read_encoder_file(options.encoder, [](const std::string& note) {
    std::fprintf(stderr, "note: %s\n", printable(note).c_str());
  });
  if (onnx)
    write_onnx(encoder, options.onnx, options.out);
  else
    write_encoder(encoder, options.prefix, options.out);
  std::cout << printable(options.out) << ": " << encoder.backbone.backbone << " of width "
            << encoder.backbone.width << " (" << encoder.backbone.stem << " stem), "
            << (onnx ? "a graph of ONNX, opset 17"
                     : concat_text(encoder.file.tensors.size(), " tensors in torchvision's names"))
            << std::endl;
  return 0;
}

}  // namespace

void add_export_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* app = table.add(
      root, "export", "write an encoder into a file that other programs load",
      {.usage = "amcl export RUN|CHECKPOINT|FILE --out FILE.safetensors|FILE.onnx [options]",
       .examples = {"amcl export runs/first --out encoder.safetensors",
                    "amcl export runs/first --out encoder.safetensors --prefix backbone.",
                    "amcl export runs/first --out encoder.onnx --fold-batch-norm"},
       .run = [options](const GlobalOptions&) { return run_export(*options); }});
  add_value(*app, "encoder", options->encoder,
            {.value = "RUN|CHECKPOINT|FILE", .help = "as of amcl embed"});
  add_value(*app, "--out", options->out,
            {.value = "FILE",
             .help = "to write. .safetensors: the backbone in torchvision's names, which load "
                     "strictly into its ResNet without fc; .onnx: a graph from images to features"})
      ->group("Output");
  add_value(*app, "--prefix", options->prefix,
            {.value = "TEXT", .help = ".safetensors: before every name, such as backbone."})
      ->group("Output");
  app->add_flag("--fold-batch-norm", options->onnx.fold_batch_norm,
                ".onnx: batch norm as part of the convolutions")
      ->group("Output");
  app->add_flag("--with-preprocessing", options->onnx.with_preprocessing,
                ".onnx: images go in as u8 [N, H, W, 3] and are normalised inside, else as "
                "normalised f32 [N, 3, H, W]; resizing is left to the caller")
      ->group("Output");
  app->add_flag("--with-head", options->onnx.with_head,
                ".onnx: the classifier of amcl finetune too, as the output logits")
      ->group("Output");
  app->add_flag("--overwrite", options->overwrite, "replace a file that is there")->group("Output");
}

}  // namespace amcl
