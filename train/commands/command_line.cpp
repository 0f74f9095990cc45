#include "train/commands/command_line.h"

#include <algorithm>
#include <iostream>

#include "engine/core/check.h"
#include "train/commands/help_text.h"
#include "train/commands/option.h"
#include "train/config/nearest_name.h"
#include "train/config/setting_name.h"
#include "train/config/synonym.h"
#include "train/exit_code.h"
#include "train/openmp_waiting.h"
#include "train/version.h"

namespace amcl {
namespace {

// "--batch: 1 required N missing" in plain words.
std::string explain(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string middle = ": 1 required ";
  const std::string end = " missing";
  const size_t at = text.find(middle);
  if (at == std::string::npos || !text.ends_with(end)) return text;
  const size_t value = at + middle.size();
  return concat_text(text.substr(0, at), " needs a value: ", text.substr(0, at), ' ',
                     text.substr(value, text.size() - end.size() - value));
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// All options that may stand after `app`'s name: its own and those of the commands around it.
std::vector<std::string> option_names(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::string path_of(const CLI::App* app) {
  std::string path = app->get_name();
  for (app = app->get_parent(); app != nullptr; app = app->get_parent()) {
    path = app->get_name() + ' ' + path;
  }
  return path;
}

}  // namespace

CommandLine::CommandLine()
    : root_(
          "Pre-trains image encoders on unlabelled images by contrastive learning, with several "
          "heads\nand a temperature for each pair (AMCL).",
          "amcl"),
      root_command_{.usage = "amcl COMMAND [options]",
                    .examples = {"amcl pretrain --data shapes10 --epochs 10 --out runs/first",
                                 "amcl evaluate runs/first --protocol knn,linear"},
                    .run = {}} {
  root_.allow_extras();
  root_.require_subcommand(0, 1);
  root_.set_help_flag("-h,--help", "print this; after a command, what it takes");
  root_.set_version_flag("--version", version_text, "print version, commit and libraries");
  add_value(root_, "--color", global_.color,
            {.value = "WHEN",
             .help = "colours on stderr; auto: on a terminal, unless NO_COLOR is set",
             .allowed = {"auto", "always", "never"}});
  root_.add_flag("--verbose", global_.verbose, "errors also say where in the source they arose");
  for (const AddCommand add_command : kCommands) add_command(table_, root_);
}

const CLI::App& CommandLine::chosen() const {
  const CLI::App* app = &root_;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

void CommandLine::refuse_unknown() const {
  const CLI::App& app = chosen();
  const std::vector<std::string> extras = root_.remaining(/*recurse=*/true);
  const std::vector<std::string> commands = command_names(app);
  if (!extras.empty()) {
    const std::string& extra = extras.front();
    if (extra == "help") throw CLI::CallForHelp();
    if (extra.starts_with('-')) {
      const std::string name = extra.substr(0, extra.find('='));
      const std::vector<std::string> known = option_names(&app);
      const Synonym* synonym = find_synonym(name);
      if (synonym != nullptr &&
          std::find(known.begin(), known.end(), flag_of(std::string(synonym->key))) != known.end())
        fail(ErrorKind::usage, name, ": unknown option of ", path_of(&app), "; here it is ",
             flag_of(*synonym));
      fail(ErrorKind::usage, name, ": unknown option of ", path_of(&app), "; the nearest is ",
           nearest_name(name, known));
    }
    if (!commands.empty()) {
      fail(ErrorKind::usage, '\'', extra, "' is no command of ", path_of(&app), "; the nearest is ",
           nearest_name(extra, commands));
    }
    fail(ErrorKind::usage, '\'', extra, "': ", path_of(&app),
         " takes no such argument; see --help");
  }
  if (!commands.empty()) {
    fail(ErrorKind::usage, "a command is missing after '", path_of(&app), "': one of ",
         list_text(commands), "; see --help");
  }
}

void CommandLine::parse(int argc, const char* const* argv) {
  try {
    root_.parse(argc, argv);
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ParseError& error) {
    refuse_unknown();  // an unknown option may be what led CLI11 astray
    fail(ErrorKind::usage, explain(error), "; see ", path_of(&chosen()), " --help");
  }
  refuse_unknown();
}

int CommandLine::run(int argc, const char* const* argv) {
  try {
    parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& app = chosen();
    std::cout << help_text(app, &app == &root_ ? root_command_ : table_.at(&app));
    return kExitDone;
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << '\n';
    return kExitDone;
  }
  let_openmp_threads_sleep(argv);
  return table_.at(&chosen()).run(global_);
}

}  // namespace amcl
