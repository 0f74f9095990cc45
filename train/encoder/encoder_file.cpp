#include "train/encoder/encoder_file.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/core/check.h"
#include "engine/io/crc32c.h"
#include "engine/io/file.h"
#include "train/checkpoint/checkpoint_tensors.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/encoder/backbone_names.h"

namespace amcl {
namespace {

constexpr std::string_view kCounter = ".num_batches_tracked";
constexpr const char* kClassifierWeight = "classifier.weight";
constexpr const char* kClassifierBias = "classifier.bias";

// torch.save() writes a ZIP archive, and did write a pickle. Of safetensors the header, a JSON object,
// stands behind its length.
bool is_pickle(const std::string& path) {
  File file = File::open_for_reading(path);
  std::array<char, 9> begin{};
  if (file.size() < std::ssize(begin)) return false;
  file.read(std::as_writable_bytes(std::span(begin)));
  const bool starts_like_one = begin[0] == '\x80' || std::string_view(begin.data(), 2) == "PK";
  return starts_like_one && begin.back() != '{';
}

[[noreturn]] void refuse_pickle(const std::string& path) {
  fail(ErrorKind::data, path,
       ": is a pickle of PyTorch's, which can run any code; convert it where you trust it: python "
       "-c "
       "\"import torch, safetensors.torch as s; w = torch.load('",
       path,
       "', map_location='cpu'); w = w.get('state_dict', w.get('model', w)); "
       "s.save_file({k: v.contiguous() for k, v in w.items() if hasattr(v, 'contiguous')}, '",
       path, ".safetensors')\"");
}

const std::vector<int64_t>& shape_of(const EncoderFile& encoder, const std::string& name) {
  const auto found = encoder.file.tensors.find(name);
  if (found == encoder.file.tensors.end())
    fail(ErrorKind::data, encoder.path, ": a tensor of the backbone is missing: ", name);
  return found->second.shape;
}

int64_t count_blocks(const EncoderFile& encoder, int stage) {
  int64_t count = 0;
  while (encoder.file.tensors.contains(concat_text("layer", stage, '.', count, ".conv1.weight")))
    ++count;
  return count;
}

// Which of the known networks has as many blocks.
ResNetOptions recognise(const EncoderFile& encoder) {
  const std::vector<int64_t>& first = shape_of(encoder, "conv1.weight");
  constexpr size_t kFilterRank = 4;
  if (first.size() != kFilterRank || first[1] != 3 || first[0] < 1)
    fail(ErrorKind::data, encoder.path, ": conv1.weight is ", extents_text(first),
         ", which is no first convolution over images of 3 channels");
  ResNetOptions options{.width = first[0]};
  const std::optional<std::string> stem = stem_of_window(first[2]);
  if (!stem)
    fail(ErrorKind::data, encoder.path, ": conv1.weight is ", extents_text(first),
         "; the first window of a ResNet here is 3 x 3 (stem cifar) or 7 x 7 (stem imagenet)");
  options.stem = *stem;
  std::array<int64_t, 4> blocks{};
  for (int stage = 0; stage < std::ssize(blocks); ++stage)
    blocks[static_cast<size_t>(stage)] = count_blocks(encoder, stage + 1);
  const bool bottleneck = encoder.file.tensors.contains("layer1.0.conv3.weight");
  const std::optional<std::string> name = backbone_of_blocks(blocks, bottleneck);
  if (!name)
    fail(ErrorKind::data, encoder.path, ": a ResNet of ", blocks[0], ", ", blocks[1], ", ",
         blocks[2], " and ", blocks[3], bottleneck ? " bottleneck" : " basic",
         " blocks is not known; there are resnet18, resnet34, resnet50 and resnet101");
  options.backbone = *name;
  // Before anything of their size is made.
  options.visit_shapes("", [&](const std::string& tensor, const std::vector<int64_t>& shape) {
    if (const std::vector<int64_t>& found = shape_of(encoder, tensor); found != shape)
      fail(ErrorKind::data, encoder.path, ": ", tensor, " is ", extents_text(found), ", in a ",
           *name, " of width ", options.width, ' ', extents_text(shape));
  });
  return options;
}

// Moves what belongs to the backbone into `encoder`, under torchvision's names.
void take_backbone(SafetensorsFile file, EncoderFile& encoder) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file.tensors) names.push_back(name);
  const std::optional<BackboneNaming> naming = find_backbone(names);
  if (!naming)
    fail(ErrorKind::data, encoder.path,
         ": there is no ResNet in it: no conv1.weight and layer1.0.conv1.weight after any prefix, "
         "nor "
         "numbered as 0.weight and 4.0.conv1.weight");
  encoder.naming = naming->numbered ? "numbered modules" : "torchvision's names";
  if (!naming->prefix.empty()) encoder.naming += " after '" + naming->prefix + "'";
  encoder.file.metadata = std::move(file.metadata);
  for (auto& [name, entry] : file.tensors) {
    std::string own = naming->torchvision_name(name);
    if (own.empty())
      encoder.left_out.push_back(name);
    else if (!own.ends_with(kCounter))
      encoder.file.tensors.emplace(std::move(own), std::move(entry));
  }
}

// Moves the classifier of a checkpoint of a run into `encoder`, if there is one.
void take_classifier(SafetensorsFile& file, EncoderFile& encoder) {
  auto weight = file.tensors.extract(kClassifierWeight);
  auto bias = file.tensors.extract(kClassifierBias);
  if (!weight.empty() && !bias.empty())
    encoder.classifier = StoredClassifier{std::move(weight.mapped()), std::move(bias.mapped())};
}

void check_classifier(const EncoderFile& encoder) {
  if (!encoder.classifier) return;
  const std::vector<int64_t>& weight = encoder.classifier->weight.shape;
  const std::vector<int64_t>& bias = encoder.classifier->bias.shape;
  if (bias.size() != 1 || bias[0] < 2 ||
      weight != std::vector<int64_t>{bias[0], encoder.backbone.feature_dim()})
    fail(ErrorKind::data, encoder.path, ": ", kClassifierWeight, " is ", extents_text(weight),
         " and ", kClassifierBias, ' ', extents_text(bias), " over ",
         encoder.backbone.feature_dim(), " features");
  const size_t names = encoder.metadata ? encoder.metadata->class_names.size() : 0;
  if (names > 0 && static_cast<int64_t>(names) != bias[0])
    fail(ErrorKind::data, encoder.path, ": names ", names, " classes, its classifier has ",
         bias[0]);
}

}  // namespace

bool is_checkpoint_of_run(const std::string& path) {
  return !is_pickle(path) && read_safetensors_metadata(path).contains("config");
}

EncoderFile read_encoder_file(const std::string& path,
                              const std::function<void(const std::string&)>& warn) {
  EncoderFile encoder{.path = path};
  std::error_code unreadable;
  const bool of_run = std::filesystem::is_directory(path, unreadable);
  if (!of_run && is_pickle(path)) refuse_pickle(path);
  if (of_run || is_checkpoint_of_run(path)) {
    Checkpoint checkpoint = read_best_checkpoint(path, warn);
    encoder.path = checkpoint.path;
    encoder.metadata = std::move(checkpoint.encoder);
    take_classifier(checkpoint.file, encoder);
    take_backbone(std::move(checkpoint.file), encoder);
  } else {
    SafetensorsFile file = read_safetensors(path);
    if (file.metadata.contains("normalization_mean"))
      encoder.metadata = encoder_metadata_from(file.metadata, {}, path);
    take_backbone(std::move(file), encoder);
  }
  encoder.backbone = recognise(encoder);
  check_classifier(encoder);
  return encoder;
}

std::string weights_fingerprint(const EncoderFile& file) {
  uint32_t crc = 0;
  for (const auto& [name, entry] : file.file.tensors) {
    crc = crc32c(std::as_bytes(std::span(name.data(), name.size())), crc);
    crc = crc32c(entry.data, crc);
  }
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", crc);
  return digits.data();
}

void load_backbone(const EncoderFile& file, ResNet& network) {
  load_module(file.file,
              concat_text(file.path, ": does not hold a whole ", file.backbone.backbone,
                          " of width ", file.backbone.width),
              [&](const ModuleVisitor& visitor) { network.visit("", visitor); });
}

}  // namespace amcl
