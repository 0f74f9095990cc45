#include "models/resnet.h"

#include <array>

namespace amcl {
namespace {

struct Architecture {
  const char* name;
  std::array<int64_t, 4> blocks;  // per stage
  bool bottleneck;
};

constexpr Architecture kArchitectures[] = {
    {"resnet18", {2, 2, 2, 2}, false},
    {"resnet34", {3, 4, 6, 3}, false},
    {"resnet50", {3, 4, 6, 3}, true},
    {"resnet101", {3, 4, 23, 3}, true},
};

struct Stem {
  const char* name;
  int64_t kernel;
  int64_t stride;
  bool pool;
};

constexpr Stem kStems[] = {
    {"cifar", 3, 1, false},
    {"imagenet", 7, 2, true},
};

constexpr int64_t kImageChannels = 3;
constexpr int64_t kBottleneckExpansion = 4;
constexpr int64_t kLastStage = 8;  // times the width of the first
constexpr PoolSpec kStemPool{.kernel = 3, .stride = 2, .padding = 1};

template <class Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.name);
  return names;
}

template <class Table>
const auto& find(const Table& table, const char* key, const std::string& name) {
  std::string known;
  for (const auto& row : table) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  fail(ErrorKind::usage, key, ": '", name, "' is not known; choose one of ", known);
}

ConvNorm make_stem(Initializer& initializer, const ResNetOptions& options) {
  AMCL_CHECK(options.width >= 1, "width: must be at least 1, got ", options.width);
  const Stem& stem = find(kStems, "stem", options.stem);
  return {initializer, kImageChannels, options.width, stem.kernel, stem.stride};
}

}  // namespace

std::vector<std::string> backbone_names() {
  return names_of(kArchitectures);
}

std::vector<std::string> stem_names() {
  return names_of(kStems);
}

const char* usual_stem(int64_t image_side) {
  return image_side <= 64 ? "cifar" : "imagenet";
}

std::optional<std::string> stem_of_window(int64_t window) {
  for (const Stem& stem : kStems)
    if (stem.kernel == window) return stem.name;
  return {};
}

std::optional<std::string> backbone_of_blocks(const std::array<int64_t, 4>& blocks,
                                              bool bottleneck) {
  for (const Architecture& known : kArchitectures)
    if (known.blocks == blocks && known.bottleneck == bottleneck) return known.name;
  return {};
}

void ResNetOptions::visit_settings(const SettingVisitor& visitor) {
  std::vector<std::string> stems = stem_names();
  stems.insert(stems.begin(), kAutoStem);
  visitor({.table = "model",
           .key = "backbone",
           .value = "NAME",
           .help = "encoder",
           .allowed = backbone_names()},
          &backbone);
  visitor({.table = "model",
           .key = "width",
           .value = "N",
           .unit = "channels",
           .help = "of the first stage; 64 is torchvision's",
           .range = {.low = 1}},
          &width);
  visitor({.table = "model",
           .key = "stem",
           .value = "NAME",
           .help = "cifar: 3x3 at full size; imagenet: 7x7 and pooling, stride 4; auto: cifar for "
                   "views up to 64 px, imagenet above",
           .allowed = stems},
          &stem);
}

int64_t ResNetOptions::feature_dim() const {
  const bool bottleneck = find(kArchitectures, "backbone", backbone).bottleneck;
  return kLastStage * width * (bottleneck ? kBottleneckExpansion : 1);
}

void ResNetOptions::visit_shapes(const std::string& prefix, const ShapeVisitor& visitor) const {
  const int64_t last = kLastStage * width;
  visitor(join(prefix, "layer4.0.conv2.weight"), {last, last, 3, 3});
}

ConvNorm::ConvNorm(Initializer& initializer, int64_t input_channels, int64_t output_channels,
                   int64_t kernel, int64_t stride)
    : conv(initializer, input_channels, output_channels, kernel, stride, kernel / 2),
      norm(initializer, output_channels) {}

Tensor ConvNorm::forward(const Tensor& x, const ForwardContext& context, bool relu,
                         const Tensor& nullable_residual) {
  return norm.forward(conv.forward(x), context, relu, nullable_residual);
}

ResidualBlock::ResidualBlock(Initializer& initializer, int64_t input_channels, int64_t width,
                             int64_t stride, bool bottleneck) {
  if (bottleneck) {
    units.emplace_back(initializer, input_channels, width, 1, 1);
    units.emplace_back(initializer, width, width, 3, stride);
    units.emplace_back(initializer, width, width * kBottleneckExpansion, 1, 1);
  } else {
    units.emplace_back(initializer, input_channels, width, 3, stride);
    units.emplace_back(initializer, width, width, 3, 1);
  }
  if (stride != 1 || input_channels != output_channels())
    downsample.emplace(initializer, input_channels, output_channels(), 1, stride);
}

Tensor ResidualBlock::forward(const Tensor& x, const ForwardContext& context) {
  const Tensor shortcut = downsample ? downsample->forward(x, context, /*relu=*/false) : x;
  Tensor y = x;
  for (size_t i = 0; i + 1 < units.size(); ++i) y = units[i].forward(y, context, /*relu=*/true);
  return units.back().forward(y, context, /*relu=*/true, shortcut);
}

void ResidualBlock::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  for (size_t i = 0; i < units.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    units[i].conv.visit(join(prefix, "conv" + number), visitor);
    units[i].norm.visit(join(prefix, "bn" + number), visitor);
  }
  if (downsample) {
    downsample->conv.visit(join(prefix, "downsample.0"), visitor);
    downsample->norm.visit(join(prefix, "downsample.1"), visitor);
  }
}

int64_t ResidualBlock::output_channels() const {
  return units.back().conv.weight.value.dim(0);
}

ResNet::ResNet(Initializer& initializer, const ResNetOptions& options)
    : stem_(make_stem(initializer, options)),
      pool_(find(kStems, "stem", options.stem).pool),
      rounds_(options.activations == DType::bf16) {
  const Architecture& architecture = find(kArchitectures, "backbone", options.backbone);
  int64_t channels = options.width;
  for (size_t stage = 0; stage < architecture.blocks.size(); ++stage) {
    const int64_t width = options.width << stage;
    std::vector<ResidualBlock>& blocks = stages_.emplace_back();
    for (int64_t i = 0; i < architecture.blocks[stage]; ++i) {
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      blocks.emplace_back(initializer, channels, width, stride, architecture.bottleneck);
      channels = blocks.back().output_channels();
    }
  }
  feature_dim_ = channels;
}

Tensor ResNet::forward(const Tensor& images, const ForwardContext& context) {
  Tensor x = stem(images, context);
  for (size_t i = 0; i < stages_.size(); ++i) x = stage(i, x, context);
  return global_average_pool(rounds_ ? cast(x, DType::f32) : x);  // [N, D]
}

Tensor ResNet::stem(const Tensor& images, const ForwardContext& context) {
  AMCL_CHECK(images.rank() == 4 && images.dim(3) == kImageChannels,
             "resnet: images must be [N, H, W, 3], got ", images.shape());
  const Tensor x = stem_.forward(rounds_ ? cast(images, DType::bf16) : images, context,
                                 /*relu=*/true);  // [N, H, W, width]
  return pool_ ? max_pool(x, kStemPool) : x;
}

std::optional<PoolSpec> ResNet::stem_pool() const {
  return pool_ ? std::optional(kStemPool) : std::nullopt;
}

Tensor ResNet::stage(size_t index, const Tensor& x, const ForwardContext& context) {
  Tensor y = x;
  for (ResidualBlock& block : stages_[index]) y = block.forward(y, context);
  return y;
}

void ResNet::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  stem_.conv.visit(join(prefix, "conv1"), visitor);
  stem_.norm.visit(join(prefix, "bn1"), visitor);
  for (size_t stage = 0; stage < stages_.size(); ++stage)
    for (size_t i = 0; i < stages_[stage].size(); ++i)
      stages_[stage][i].visit(
          join(prefix, "layer" + std::to_string(stage + 1) + "." + std::to_string(i)), visitor);
}

}  // namespace amcl
