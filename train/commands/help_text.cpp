#include "train/commands/help_text.h"

#include <sstream>

namespace amcl {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kNameWidth = 30;
constexpr size_t kLineWidth = 100;

// "name" and its text, the text wrapped in a column of its own.
void write_entry(std::ostream& out, const std::string& name, const std::string& text) {
  std::string line(kIndent, ' ');
  line += name;
  const size_t column = kIndent + kNameWidth;
  if (line.size() + 2 > column) {
    out << line << '\n';
    line.clear();
  }
  line.resize(column, ' ');
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word;) {
    if (!first && line.size() + 1 + word.size() > kLineWidth) {
      out << line << '\n';
      line.assign(column, ' ');
      first = true;
    }
    if (!first) line += ' ';
    line += word;
    first = false;
  }
  out << line << '\n';
}

std::string option_name(const CLI::Option& option) {
  std::string name;
  for (const std::string& part : option.get_snames()) name += '-' + part + ", ";
  std::string long_name =
      option.get_lnames().empty() ? option.get_single_name() : option.get_lnames().front();
  if (option.get_lnames().size() == 2) long_name = "[no-]" + long_name;
  if (!option.get_positional() || !option.get_lnames().empty()) long_name = "--" + long_name;
  name += long_name;
  if (!option.get_type_name().empty()) name += ' ' + option.get_type_name();
  return name;
}

void write_options(std::ostream& out, const CLI::App& app) {
  for (const std::string& group : app.get_groups()) {
    const auto options = app.get_options([&](const CLI::Option* option) {
      return option->get_group() == group && option->nonpositional();
    });
    if (options.empty()) continue;
    out << '\n' << group << ":\n";
    for (const CLI::Option* option : options) {
      write_entry(out, option_name(*option), option->get_description());
    }
  }
}

void write_positionals(std::ostream& out, const CLI::App& app) {
  const auto positionals =
      app.get_options([](const CLI::Option* option) { return option->get_positional(); });
  if (positionals.empty()) return;
  out << "\nArguments:\n";
  for (const CLI::Option* option : positionals) {
    write_entry(out, option->get_type_name(), option->get_description());
  }
}

void write_commands(std::ostream& out, const CLI::App& app) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty()) return;
  out << "\nCommands:\n";
  for (const CLI::App* command : commands) {
    write_entry(out, command->get_name(), command->get_description());
  }
}

}  // namespace

std::string help_text(const CLI::App& app, const Command& command) {
  std::ostringstream out;
  out << "Usage: " << command.usage << "\n\nExamples:\n";
  for (const std::string& example : command.examples) out << "  " << example << '\n';
  const std::string name = app.get_parent() == nullptr ? "" : app.get_name() + ": ";
  out << '\n' << name << app.get_description() << '\n';
  write_commands(out, app);
  write_positionals(out, app);
  write_options(out, app);
  return out.str();
}

}  // namespace amcl
