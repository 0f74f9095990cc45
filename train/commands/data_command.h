// What the commands of `amcl data` share.
#pragma once
#include <string>

#include "train/commands/command_table.h"

namespace amcl {

inline constexpr const char* kSourceHelp =
    "what --data of pretrain takes: a directory, a list, a packed set, or shapes10";

void add_json_flag(CLI::App& app, bool& json);

// Error(usage) that shows how to call `command` ("data info") if `source` is empty.
void require_source(const std::string& source, const char* command);

// Each adds one command to `amcl data`.
void add_data_fetch_command(CommandTable& table, CLI::App& group);
void add_data_info_command(CommandTable& table, CLI::App& group);
void add_data_verify_command(CommandTable& table, CLI::App& group);
void add_data_pack_command(CommandTable& table, CLI::App& group);

}  // namespace amcl
