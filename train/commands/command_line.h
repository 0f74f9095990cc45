// The command line: which command with which options, and what is wrong with it.
#pragma once
#include "train/commands/command_table.h"

namespace amcl {

class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Parses and runs; returns the exit code. --help and --version print to stdout. Throws
  // Error(usage) that names the nearest command or option for an unknown one, and whatever the
  // command throws.
  int run(int argc, const char* const* argv);

  const GlobalOptions& global() const { return global_; }

 private:
  void parse(int argc, const char* const* argv);
  // The command that was named, the innermost one ("step" of "bench step").
  const CLI::App& chosen() const;
  void refuse_unknown() const;

  GlobalOptions global_;
  CLI::App root_;
  Command root_command_;
  CommandTable table_;
};

}  // namespace amcl
