// `amcl bench step`: how fast one contrastive training step is on this machine, on images made up
// here and without the input pipeline.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace amcl {

struct BenchStepOptions {
  std::string backbone = "resnet18";  // 18 and 34 with the CIFAR stem, 50 with ImageNet's
  int64_t width = 64;
  int64_t batch = 64;  // image pairs
  int64_t size = 32;   // pixels
  int64_t heads = 1;
  std::string temperature = "0.5";  // adaptive | a number
  int64_t steps = 10;               // that are timed
  int64_t warmup = 3;
  std::string device = "cpu";
  std::string precision = "f32";
  std::string conv_algorithm = "auto";
  bool deterministic = false;
  bool capture = true;   // replay the step where the device can (StepGraph)
  int64_t threads = 0;   // 0: all cores
  bool profile = false;  // also the time of every kernel, as a table on `log`
};

// The step of a training run: forward, loss, backward, SGD with momentum 0.9 and weight decay 5e-4.
// Prints one JSON object on `out`: median pairs per second, the share of the machine's rate of
// matrix products (2048 cubed, the backend's own, best of five) that the step's direct count of
// operations comes to, memory, and the loss and a checksum of the weights after the last step: of
// two ways to run the same steps they show whether the bits are the same.
void run_bench_step(const BenchStepOptions& options, std::ostream& out, std::ostream& log);

}  // namespace amcl
