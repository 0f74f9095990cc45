#include "train/commands/data_command.h"

#include "engine/core/check.h"

namespace amcl {

void add_json_flag(CLI::App& app, bool& json) {
  app.add_flag("--json", json, "one JSON object on stdout instead of text")->group("Output");
}

void require_source(const std::string& source, const char* command) {
  if (source.empty())
    fail(ErrorKind::usage, command, ": name the data, such as: amcl ", command, " photos");
}

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
