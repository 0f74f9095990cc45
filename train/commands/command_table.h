// The sub-commands of the program: how each is called, its options, and what runs it.
#pragma once
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace amcl {

// Options of the program itself, allowed before and after the name of the command.
struct GlobalOptions {
  std::string color = "auto";  // auto | always | never
  bool verbose = false;        // errors also say where they were raised
};

struct Command {
  std::string usage;  // "amcl pretrain --data DIR|FILE|shapes10 --out DIR [options]"
  std::vector<std::string> examples;  // whole command lines
  // Returns the exit code. Empty for a command that only groups others ("bench").
  std::function<int(const GlobalOptions&)> run;
};

// Keeps what CLI11 has no place for.
class CommandTable {
 public:
  // Adds a sub-command `name` to `parent`; the caller adds its options.
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& about,
                Command command);
  const Command& at(const CLI::App* app) const { return commands_.at(app); }

 private:
  std::map<const CLI::App*, Command> commands_;
};

// Each adds one command with its options, which live in the command's closure.
void add_pretrain_command(CommandTable& table, CLI::App& root);
void add_finetune_command(CommandTable& table, CLI::App& root);
void add_evaluate_command(CommandTable& table, CLI::App& root);
void add_embed_command(CommandTable& table, CLI::App& root);
void add_predict_command(CommandTable& table, CLI::App& root);
void add_export_command(CommandTable& table, CLI::App& root);
void add_augment_command(CommandTable& table, CLI::App& root);
void add_data_command(CommandTable& table, CLI::App& root);
void add_verify_command(CommandTable& table, CLI::App& root);
void add_config_command(CommandTable& table, CLI::App& root);
void add_bench_command(CommandTable& table, CLI::App& root);
void add_info_command(CommandTable& table, CLI::App& root);

// In the order of the help.
using AddCommand = void (*)(CommandTable& table, CLI::App& root);
inline constexpr AddCommand kCommands[] = {
    add_pretrain_command, add_finetune_command, add_evaluate_command, add_predict_command,
    add_embed_command,    add_export_command,   add_augment_command,  add_data_command,
    add_verify_command,   add_config_command,   add_bench_command,    add_info_command};

}  // namespace amcl
