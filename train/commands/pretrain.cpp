#include "train/commands/pretrain.h"

#include "train/run/stop_signal.h"

namespace amcl {

PretrainEnd run_pretrain(const Config& config, const PretrainOptions& options) {
  const StopSignal signal;
  return pretrain(config, options, [&signal] { return signal.requested(); });
}

}  // namespace amcl
