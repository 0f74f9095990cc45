#include <iostream>
#include <memory>
#include <string>

#include "engine/backend/open.h"
#include "train/commands/data_command.h"
#include "train/commands/data_report.h"
#include "train/commands/option.h"
#include "train/exit_code.h"

namespace amcl {
namespace {

struct Options {
  std::string source;
  std::string layout = "auto";
  bool json = false;
};

int run(const Options& options) {
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  const DatasetSummary summary =
      describe_dataset(*backend, options.source, {.layout = options.layout});
  if (options.json)
    print_record(std::cout, record_of(summary));
  else
    print_summary(std::cout, options.source, summary);
  return kExitDone;
}

}  // namespace

void add_data_info_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      table.add(group, "info",
                "say as what a source is recognised and what it holds, without reading every image",
                {.usage = "amcl data info DATA [options]",
                 .examples = {"amcl data info photos", "amcl data info photos.amcl --json"},
                 .run = [options](const GlobalOptions&) {
                   require_source(options->source, "data info");
                   return run(*options);
                 }});
  add_value(*app, "data", options->source, {.value = "DATA", .help = kSourceHelp});
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_json_flag(*app, options->json);
}

}  // namespace amcl
