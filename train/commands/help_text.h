// What --help prints: a usage line, examples, and the options in groups.
#pragma once
#include <string>

#include "train/commands/command_table.h"

namespace amcl {

// Of one command; `table` knows its usage and examples.
std::string help_text(const CLI::App& app, const Command& command);

}  // namespace amcl
