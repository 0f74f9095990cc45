// Checkpoints: one safetensors file that holds the model under torchvision's names, the optimiser,
// and what a run needs to go on.
//
//   backbone.*                        torchvision's ResNet keys; filters OIHW (here [K, R, S, C])
//   backbone.*.num_batches_tracked    I64 scalars, only for PyTorch's strict loading
//   projector.<head>.<layer>.weight   one tensor per head (stacked in memory)
//   predictor.<head>.<layer>.weight   SimSiam, BYOL
//   classifier.weight, .bias          amcl finetune: [K, D], [K]
//   temperature_net.*
//   momentum_encoder.*                MoCo: names as without the prefix
//   queue.<head>.keys                 MoCo: [K, d]
//   optimizer.<memory>.<name>         e.g. optimizer.velocity.backbone.conv1.weight
//   online_probe.*                    the linear probe of the online evaluation
//   probe.images, probe.features      a batch and its features, for `amcl verify RUN`
//   metadata                          trainer_state.h, encoder_metadata.h, "format": "pt", "crc32c"
//
// In PyTorch: safetensors.torch.load_file(path), keys that start with "backbone." without it.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "engine/io/safetensors.h"
#include "engine/nn/parameter_arena.h"
#include "engine/optimizer/optimizer.h"
#include "train/checkpoint/encoder_metadata.h"
#include "train/checkpoint/trainer_state.h"

namespace amcl {

// Method::visit or any module's, bound to it.
using VisitFunction = std::function<void(const ModuleVisitor&)>;

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
  EncoderMetadata encoder = {};
};

// A copy of the state as a file in memory, for RunDirectory::write_checkpoint. All values are f32.
SafetensorsFile make_checkpoint(const VisitFunction& visit, const ParameterArena& arena,
                                std::span<const OptimizerMemory> memories,
                                const TrainerState& state, const EncoderMetadata& encoder,
                                const Probe& probe);

// Reads and checks (structure, CRC, format version, metadata). Errors: missing, io, data, each
// naming the path.
Checkpoint read_checkpoint(const std::string& path);

// Copies the weights and buffers into the model, or throws Error(data) and leaves the model as it
// was: names missing, unexpected, or of another shape are listed (the first few, and how many).
void load_weights(const Checkpoint& checkpoint, const VisitFunction& visit);

// The same of the tensors of a file that hold a module and nothing else; `what` begins the message.
void load_module(const SafetensorsFile& file, const std::string& what, const VisitFunction& visit);

// Copies the optimiser's state, as strictly. To be called after load_weights.
void load_optimizer(const Checkpoint& checkpoint, const ParameterArena& arena,
                    std::span<const OptimizerMemory> memories);

// The stored probe on `device`; Error(data) if there is none.
Probe load_probe(const Checkpoint& checkpoint, Device& device);

}  // namespace amcl
