// `amcl config show`: every final value and where it came from; `amcl config list`: the presets.
#pragma once
#include "train/config/config_resolve.h"

namespace amcl {

// Prints to stdout: a TOML file with the origins as comments, or one JSON object of
// {"table": {"key": {"value": ..., "origin": ...}}}.
void run_config_show(const ResolvedConfig& resolved, bool json);

// Prints one line for each recipe: its name and what it is.
void run_config_list();

}  // namespace amcl
