#include <iostream>
#include <memory>
#include <string>

#include "data/packed/pack.h"
#include "data/sources/dataset_parts.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"
#include "train/commands/data_command.h"
#include "train/commands/data_report.h"
#include "train/commands/option.h"
#include "train/exit_code.h"
#include "train/printable.h"
#include "train/progress.h"
#include "train/progress_counter.h"

namespace amcl {
namespace {

struct Options {
  std::string source;
  std::string file;
  std::string layout = "auto";
  PackOptions pack;
  std::string on_error = "stop";
  int64_t threads = 0;
  bool json = false;
  ProgressOptions progress;
};

void print_json(const Options& options, const PackReport& report) {
  nlohmann::ordered_json record;
  record["file"] = options.file;
  record["name"] = report.name;
  record["layout"] = report.layout;
  for (const PackReport::Part& part : report.parts)
    record["images"][key_of(part.split)] = part.images;
  record["resumed"] = report.resumed;
  record["left_out"] = report.left_out;
  record["bytes"] = report.bytes;
  print_record(std::cout, record);
}

void print_text(const Options& options, const PackReport& report) {
  constexpr int64_t kKilo = 1000;
  std::cout << printable(options.file) << "\n  set       " << printable(report.name) << " ("
            << printable(report.layout) << ")\n  images    ";
  for (size_t i = 0; i < report.parts.size(); ++i)
    std::cout << (i == 0 ? "" : ", ") << report.parts[i].images << ' '
              << name_of(report.parts[i].split);
  if (report.resumed > 0) std::cout << "; " << report.resumed << " of them packed before";
  if (!report.left_out.empty()) std::cout << "; " << report.left_out.size() << " left out";
  for (const PackReport::Part& part : report.parts)
    if (const std::string others = part.passed_over.text(); !others.empty())
      std::cout << "\n  " << name_of(part.split) << ": " << printable(others);
  std::cout << "\n  size      " << report.bytes / kKilo << " kB\n";
}

int run(const Options& options) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  PackReport report;
  {
    ProgressCounter progress(options.progress, stderr);
    PackOptions pack = options.pack;
    pack.skip_bad_images = options.on_error == "skip";
    pack.progress = [&](Split part, int64_t done, int64_t count) {
      progress.update(done, count, std::string(name_of(part)) + " images");
    };
    Packer packer(*backend, options.file, pack);
    for_each_part(*backend, options.source, /*seed=*/1, {.layout = options.layout},
                  [&](const Dataset& part, Split split) { packer.add(part, split); });
    report = packer.finish();
  }
  for (const std::vector<std::string>* lines : {&report.warnings, &report.left_out})
    for (const std::string& line : *lines)
      std::fprintf(stderr, "amcl: warning: %s\n", printable(line).c_str());
  if (options.json)
    print_json(options, report);
  else
    print_text(options, report);
  return kExitDone;
}

}  // namespace

void add_data_pack_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App* app = table.add(
      group, "pack",
      "put the images of a source with labels, names and checksums into one file, which --data "
      "takes.\nImages stay the files they are unless --size makes pixels of them; each is decoded "
      "once, so that\nthe file holds good ones only. Until it is complete it is called "
      "FILE.partial: if the pack is\nkilled or the disk is full, the same command goes on from "
      "there.",
      {.usage = "amcl data pack SRC FILE [options]",
       .examples = {"amcl data pack photos photos.amcl",
                    "amcl data pack imagenet imagenet-256.amcl --size 256 --on-error skip"},
       .run = [options](const GlobalOptions& global) {
         if (options->source.empty() || options->file.empty())
           fail(ErrorKind::usage,
                "data pack: name the source and the file to make, such as: amcl data pack photos "
                "photos.amcl");
         options->progress = progress_options(stderr, global.color);
         return run(*options);
       }});
  PackOptions& pack = options->pack;
  add_value(*app, "source", options->source, {.value = "SRC", .help = kSourceHelp});
  add_value(*app, "file", options->file, {.value = "FILE", .help = "packed set to write"});
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_value(*app, "--size", pack.size,
            {.value = "N",
             .unit = "pixels",
             .help = "store pixels, with the shorter side resized to N if it is longer; 0: store "
                     "the image files as they are",
             .range = {.low = 0, .high = 4096}})
      ->group("Data");
  add_value(*app, "--on-error", options->on_error,
            {.value = "WHAT",
             .help = "at an image that cannot be decoded: stop, or leave it out",
             .allowed = {"stop", "skip"}})
      ->group("Data");
  add_value(*app, "--error-limit", pack.error_limit,
            {.value = "N",
             .unit = "images",
             .help = "left out before the pack stops after all",
             .range = {.low = 0}})
      ->group("Data");
  app->add_flag("--overwrite", pack.overwrite, "replace FILE if it is there")->group("Output");
  add_json_flag(*app, options->json);
  add_value(*app, "--threads", options->threads, help_of(*find_setting("threads")))
      ->group("Machine");
}

}  // namespace amcl
