#include "train/commands/pretrain.h"

#include <filesystem>
#include <system_error>

#include "engine/core/check.h"
#include "train/checkpoint/run_files.h"
#include "train/run/stop_signal.h"

namespace amcl {

std::string config_of_run(const std::string& run) {
  std::error_code unreadable;
  const bool there = std::filesystem::exists(run, unreadable);
  const std::string path = config_path_of(there ? directory_of_run(run) : run);
  if (!std::filesystem::exists(path, unreadable))
    fail(ErrorKind::missing, "--resume ", run, ": there is no run (no ", path,
         "); name the --out of an earlier pretrain");
  return path;
}

PretrainEnd run_pretrain(const ResolvedConfig& given, const PretrainOptions& options) {
  const StopSignal signal;
  return pretrain(given, options, [&signal] { return signal.requested(); });
}

}  // namespace amcl
