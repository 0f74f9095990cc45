// How a run trains: how long, with how many images, on what, and what it leaves behind.
#pragma once
#include <cstdint>
#include <string>

#include "engine/core/setting.h"

namespace amcl {

struct TrainOptions {
  int64_t epochs = 100;
  int64_t batch = 128;      // image pairs per step
  int64_t micro_batch = 0;  // image pairs that go through the encoder at once; 0: all
  uint64_t seed = 1;
  std::string device = "cpu";
  std::string precision = "f32";        // f32 | tf32 | bf16; usual_precision()
  std::string conv_algorithm = "auto";  // auto | direct | winograd
  bool capture = true;                  // cuda: replay the step
  bool deterministic = false;           // cuda: only algorithms that repeat to the bit
  int64_t threads = 0;                  // 0: all cores
  int64_t workers = 1;                  // loader threads
  std::string init = {};                // checkpoint to start from
  std::string out = {};                 // run directory
  bool overwrite = false;
  int64_t checkpoint_every = 1;  // epochs
  int64_t keep = 2;              // checkpoints kept, the newest included
  int64_t log_every = 10;        // steps
  int64_t eval_every = 5;        // epochs; 0: no online evaluation

  // The images that pass through the encoder at once, in each view.
  int64_t encoder_batch() const { return micro_batch > 0 ? micro_batch : batch; }
  void visit_settings(const SettingVisitor& visitor);
};

// bf16 with cuda, else f32.
std::string usual_precision(const std::string& device);
bool is_cuda(const std::string& device);

}  // namespace amcl
