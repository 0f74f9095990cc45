#include "train/commands/command_table.h"

namespace amcl {

CLI::App* CommandTable::add(CLI::App& parent, const std::string& name, const std::string& about,
                            Command command) {
  CLI::App* app = parent.add_subcommand(name, about);
  app->allow_extras();  // unknown arguments are ours to explain (command_line.cpp)
  app->fallthrough();   // the program's own options may follow the command
  app->set_help_flag("-h,--help", "print this");
  commands_.emplace(app, std::move(command));
  return app;
}

}  // namespace amcl
