// `amcl config show`: every final value and where it came from.
#pragma once
#include "train/config_resolve.h"

namespace amcl {

// Prints to stdout: a TOML file with the origins as comments, or one JSON object of
// {"table": {"key": {"value": ..., "origin": ...}}}.
void run_config_show(const ResolvedConfig& resolved, bool json);

}  // namespace amcl
