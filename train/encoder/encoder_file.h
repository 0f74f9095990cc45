// The weights of an encoder in a file: a checkpoint of a run, what `amcl export` made of one, or a ResNet
// from another program in torchvision's names.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/safetensors.h"
#include "models/resnet.h"
#include "train/checkpoint/encoder_metadata.h"

namespace amcl {

// The linear layer on the features of a fine-tuned encoder: logits = weight features + bias.
struct StoredClassifier {
  SafetensorsEntry weight;  // [K, D]
  SafetensorsEntry bias;    // [K]

  int64_t classes() const { return bias.shape.front(); }
};

struct EncoderFile {
  std::string path;
  ResNetOptions backbone = {};  // recognised by names and shapes
  // The backbone by torchvision's names ("layer1.0.conv1.weight") without counters; all metadata.
  SafetensorsFile file = {};
  std::optional<EncoderMetadata> metadata = {};  // of files of this program: how it sees images
  std::string naming = {};  // for people: "torchvision's names after 'module.'"
  std::optional<StoredClassifier> classifier = {};  // of checkpoints of amcl finetune
  std::vector<std::string> left_out = {};           // tensors of something else
};

// Whether the file is a checkpoint of a run, with heads and optimiser.
bool is_checkpoint_of_run(const std::string& path);

// `path`: a run directory, of which the checkpoint of read_best_checkpoint() is read (`warn` as of
// read_intact_checkpoint), or a safetensors file. Errors, each naming the path: missing, io; data where there is no ResNet in it, or
// it is a pickle of PyTorch's (with the lines that convert it), or a backbone tensor is missing or has
// another shape than the rest demand (naming both).
EncoderFile read_encoder_file(const std::string& path,
                              const std::function<void(const std::string&)>& warn);

// Eight hexadecimal digits that differ once the weights of the backbone do, whatever file they lie in.
std::string weights_fingerprint(const EncoderFile& file);

// The weights into a network of its options, made with any weights.
void load_backbone(const EncoderFile& file, ResNet& network);

}  // namespace amcl
