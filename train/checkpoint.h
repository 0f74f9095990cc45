// Checkpoints: one safetensors file that holds the model under torchvision's names, the optimiser,
// and what a run needs to go on.
//
//   backbone.*                        torchvision's ResNet keys; filters OIHW (ours are [K, R, S,
//   C]) backbone.*.num_batches_tracked    I64 scalars, only for PyTorch's strict loading
//   projector.<head>.<layer>.weight   one tensor per head (stacked in memory)
//   temperature_net.*
//   optimizer.<memory>.<name>         e.g. optimizer.velocity.backbone.conv1.weight
//   probe.images, probe.features      a batch and its features, for `amcl verify RUN`
//   metadata                          TrainerState, "format_version", "format": "pt", "crc32c"
//
// In PyTorch: safetensors.torch.load_file(path), keys that start with "backbone." without it.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "engine/backend/op_specs.h"
#include "engine/io/safetensors.h"
#include "engine/nn/parameter_arena.h"

namespace amcl {

// Method::visit or any module's, bound to it.
using VisitFunction = std::function<void(const ModuleVisitor&)>;

struct TrainerState {
  int64_t epoch = 0;  // finished epochs
  int64_t step = 0;   // finished steps since the start of the run, over all epochs
  uint64_t seed = 0;
  int64_t threads = 0;
  std::string config;            // the resolved configuration, TOML
  std::string data_fingerprint;  // Dataset::fingerprint
  ImageNormalization normalization;
  std::string commit;  // of the program that wrote it
};

// Optimiser state in the layout of the arena, by name ("velocity").
struct OptimizerMemory {
  std::string name;
  Tensor flat;  // [n] f32
};

// A few images and the features that the model had for them when the checkpoint was made.
struct Probe {
  Tensor images;    // [8, H, W, 3] u8
  Tensor features;  // [8, D] f32
};

// Everything of one checkpoint, on the host.
struct Checkpoint {
  std::string path;
  SafetensorsFile file;
  TrainerState state;
};

// A copy of the state as a file in memory; RunDirectory::write_checkpoint stores it.
SafetensorsFile make_checkpoint(const VisitFunction& visit, const ParameterArena& arena,
                                std::span<const OptimizerMemory> memories,
                                const TrainerState& state, const Probe& probe);

// Reads and checks (structure, CRC, format version, state). Errors: missing, io, data, each naming
// the path.
Checkpoint read_checkpoint(const std::string& path);

// Copies the weights and buffers into the model, or throws Error(data) and leaves the model as it
// was: names missing, unexpected, or of another shape are listed (the first few, and how many).
void load_weights(const Checkpoint& checkpoint, const VisitFunction& visit);

// Copies the optimiser's state, as strictly. To be called after load_weights.
void load_optimizer(const Checkpoint& checkpoint, const ParameterArena& arena,
                    std::span<OptimizerMemory> memories);

// The stored probe on `device`.
Probe load_probe(const Checkpoint& checkpoint, Device& device);

}  // namespace amcl
