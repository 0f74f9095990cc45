#include <memory>

#include "engine/core/check.h"
#include "train/commands/command_table.h"
#include "train/commands/data_fetch.h"
#include "train/commands/data_info.h"
#include "train/commands/data_pack.h"
#include "train/commands/data_verify.h"
#include "train/commands/option.h"

namespace amcl {
namespace {

constexpr const char* kSourceHelp =
    "what --data of pretrain takes: a directory, a list, a packed set, or shapes10";

void add_json_flag(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "one JSON object on stdout instead of text")->group("Output");
}

void require_source(const std::string& source, const char* command) {
  if (source.empty())
    fail(ErrorKind::usage, command, ": name the data, such as: amcl ", command, " photos");
}

void add_data_pack_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<DataPackOptions>();
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
         return run_data_pack(*options);
       }});
  PackOptions& pack = options->pack;
  add_value(*app, "source", options->source, {.value = "SRC", .help = kSourceHelp});
  add_value(*app, "file", options->file, {.value = "FILE", .help = "packed set to write"});
  add_value(*app, "--layout", pack.layout, help_of(*find_setting("layout")))->group("Data");
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

void add_data_info_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<DataInfoOptions>();
  CLI::App* app =
      table.add(group, "info",
                "say as what a source is recognised and what it holds, without reading every image",
                {.usage = "amcl data info DATA [options]",
                 .examples = {"amcl data info photos", "amcl data info photos.amcl --json"},
                 .run = [options](const GlobalOptions&) {
                   require_source(options->source, "data info");
                   return run_data_info(*options);
                 }});
  add_value(*app, "data", options->source, {.value = "DATA", .help = kSourceHelp});
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_json_flag(*app, options->json);
}

void add_data_verify_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<DataVerifyOptions>();
  CLI::App* app = table.add(
      group, "verify",
      "decode every image; count sizes, labels and duplicates (images of the same pixels). Exits "
      "with\n65 if an image is damaged; duplicates are no error.",
      {.usage = "amcl data verify DATA [options]",
       .examples = {"amcl data verify photos", "amcl data verify photos.amcl --json"},
       .run = [options](const GlobalOptions& global) {
         require_source(options->source, "data verify");
         options->progress = progress_options(stderr, global.color);
         return run_data_verify(*options);
       }});
  add_value(*app, "data", options->source, {.value = "DATA", .help = kSourceHelp});
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_json_flag(*app, options->json);
  add_value(*app, "--threads", options->threads, help_of(*find_setting("threads")))
      ->group("Machine");
}

std::vector<std::string> names_of_published_sets() {
  std::vector<std::string> names;
  for (const PublishedSet& set : published_sets()) names.push_back(set.name);
  return names;
}

void add_data_fetch_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<DataFetchOptions>();
  const std::vector<std::string> names = names_of_published_sets();
  CLI::App* app = table.add(
      group, "fetch",
      "download a known set from its publisher (by the program curl), check it against its SHA-256 "
      "and\nunpack it; one that is there already is left as it is. A download that was stopped "
      "goes "
      "on.",
      {.usage = "amcl data fetch cifar10|cifar100|stl10 [options]",
       .examples = {"amcl data fetch cifar10 --to data",
                    "amcl data fetch cifar10 --from cifar-10-binary.tar.gz"},
       .run = [options, names](const GlobalOptions& global) {
         if (options->name.empty())
           fail(ErrorKind::usage, "data fetch: name a set: ", list_text(names));
         options->progress = progress_options(stderr, global.color);
         return run_data_fetch(*options);
       }});
  FetchOptions& fetch = options->fetch;
  add_value(*app, "set", options->name, {.value = "SET", .help = "set to fetch", .allowed = names});
  add_value(*app, "--to", fetch.to,
            {.value = "DIR", .help = "directory that receives the folder of the set"})
      ->group("Files");
  add_value(*app, "--from", fetch.from,
            {.value = "ARCHIVE", .help = "the publisher's .tar.gz, fetched elsewhere; no network"})
      ->group("Files");
  app->add_flag("--any-checksum", fetch.any_checksum,
                "take an ARCHIVE that is not the publisher's own, such as one packed again; what "
                "it holds is checked all the same")
      ->group("Files");
  add_json_flag(*app, options->json);
}

}  // namespace

void add_data_command(CommandTable& table, CLI::App& root) {
  CLI::App* group =
      table.add(root, "data", "fetch images, look at them, check them, and pack them into one file",
                {.usage = "amcl data fetch|info|verify|pack [options]",
                 .examples = {"amcl data fetch cifar10", "amcl data pack photos photos.amcl"},
                 .run = {}});
  add_data_fetch_command(table, *group);
  add_data_info_command(table, *group);
  add_data_verify_command(table, *group);
  add_data_pack_command(table, *group);
}

}  // namespace amcl
