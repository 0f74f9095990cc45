#include "train/encoder/onnx_export.h"

#include <cmath>
#include <vector>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "engine/io/protobuf.h"
#include "models/inference_resnet.h"
#include "train/encoder/export.h"

namespace amcl {
namespace {

// Numbers of onnx.proto, by their names there.
constexpr int64_t kIrVersion = 8;  // that of opset 17
constexpr int64_t kOpset = 17;
constexpr int64_t kFloat = 1;
constexpr int64_t kUint8 = 2;
constexpr int64_t kAttributeFloat = 1;
constexpr int64_t kAttributeInt = 2;
constexpr int64_t kAttributeInts = 7;
constexpr size_t kMostBytes = (size_t{1} << 31) - 1;

// An extent, or the name of one that the caller chooses.
struct Dimension {
  int64_t value = 0;
  const char* name = nullptr;
};

class OnnxGraph {
 public:
  // y = operation(inputs), returned by its name.
  std::string add(const char* operation, std::string name, const std::vector<std::string>& inputs,
                  const std::vector<ProtobufMessage>& attributes = {}) {
    ProtobufMessage node;
    for (const std::string& input : inputs) node.add_bytes(1, input);
    node.add_bytes(2, name);
    node.add_bytes(3, name);
    node.add_bytes(4, operation);
    for (const ProtobufMessage& attribute : attributes) node.add_message(5, attribute);
    graph_.add_message(1, node);
    return name;
  }
  std::string constant(std::string name, const std::vector<int64_t>& shape,
                       const std::vector<float>& values) {
    ProtobufMessage tensor;
    tensor.add_packed(1, shape);
    tensor.add_integer(2, kFloat);
    tensor.add_bytes(8, name);
    tensor.add_bytes(9, {reinterpret_cast<const char*>(values.data()), 4 * values.size()});
    graph_.add_message(5, tensor);
    return name;
  }
  void input(const char* name, int64_t type, const std::vector<Dimension>& shape) {
    graph_.add_message(11, described(name, type, shape));
  }
  void output(const char* name, const std::vector<Dimension>& shape) {
    graph_.add_message(12, described(name, kFloat, shape));
  }
  std::string model(const std::string& graph_name, const Metadata& metadata) {
    graph_.add_bytes(2, graph_name);
    ProtobufMessage opset;
    opset.add_integer(2, kOpset);
    ProtobufMessage model;
    model.add_integer(1, kIrVersion);
    model.add_bytes(2, "amcl");
    model.add_message(7, graph_);
    model.add_message(8, opset);
    for (const auto& [key, value] : metadata) {
      ProtobufMessage entry;
      entry.add_bytes(1, key);
      entry.add_bytes(2, value);
      model.add_message(14, entry);
    }
    return model.bytes();
  }

 private:
  static ProtobufMessage described(const char* name, int64_t type,
                                   const std::vector<Dimension>& shape) {
    ProtobufMessage extents;
    for (const Dimension& dimension : shape) {
      ProtobufMessage extent;
      if (dimension.name != nullptr)
        extent.add_bytes(2, dimension.name);
      else
        extent.add_integer(1, dimension.value);
      extents.add_message(1, extent);
    }
    ProtobufMessage tensor;
    tensor.add_integer(1, type);
    tensor.add_message(2, extents);
    ProtobufMessage of_type;
    of_type.add_message(1, tensor);
    ProtobufMessage value;
    value.add_bytes(1, name);
    value.add_message(2, of_type);
    return value;
  }

  ProtobufMessage graph_;
};

ProtobufMessage ints(const char* name, const std::vector<int64_t>& values) {
  ProtobufMessage attribute;
  attribute.add_bytes(1, name);
  attribute.add_packed(8, values);
  attribute.add_integer(20, kAttributeInts);
  return attribute;
}

ProtobufMessage integer(const char* name, int64_t value) {
  ProtobufMessage attribute;
  attribute.add_bytes(1, name);
  attribute.add_integer(3, value);
  attribute.add_integer(20, kAttributeInt);
  return attribute;
}

ProtobufMessage number(const char* name, double value) {
  ProtobufMessage attribute;
  attribute.add_bytes(1, name);
  attribute.add_float(2, static_cast<float>(value));
  attribute.add_integer(20, kAttributeFloat);
  return attribute;
}

std::vector<ProtobufMessage> window(int64_t kernel, int64_t stride) {
  const int64_t padding = kernel / 2;
  return {ints("kernel_shape", {kernel, kernel}), ints("strides", {stride, stride}),
          ints("pads", {padding, padding, padding, padding})};
}

// Writes the network of torchvision's names into a graph.
class ResNetWriter {
 public:
  ResNetWriter(const EncoderFile& encoder, bool folds, OnnxGraph& graph)
      : tensors_(encoder.file.tensors), folds_(folds), graph_(graph) {}

  // From normalised images to features [batch, D].
  void write(std::string x) {
    const int64_t kernel = shape_of("conv1.weight")[2];
    const bool pools = kernel > 3;
    x = relu(conv_norm(x, "conv1", "bn1", pools ? 2 : 1), "relu");
    if (pools) x = graph_.add("MaxPool", "maxpool", {x}, window(3, 2));
    for (int64_t stage = 1; stage <= 4; ++stage)
      for (int64_t i = 0;; ++i) {
        const std::string block = concat_text("layer", stage, '.', i, '.');
        if (!tensors_.contains(block + "conv1.weight")) break;
        x = residual_block(x, block, stage > 1 && i == 0 ? 2 : 1);
      }
    x = graph_.add("GlobalAveragePool", "avgpool", {x});
    graph_.add("Flatten", "features", {x}, {integer("axis", 1)});
  }

 private:
  const std::vector<int64_t>& shape_of(const std::string& name) const {
    return tensors_.at(name).shape;
  }
  std::vector<float> values(const std::string& name) const {
    return tensors_.at(name).values<float>();
  }
  std::string stored(const std::string& name) {
    return graph_.constant(name, shape_of(name), values(name));
  }
  std::string relu(const std::string& x, const std::string& name) {
    return graph_.add("Relu", name, {x});
  }

  std::string conv_norm(const std::string& x, const std::string& conv, const std::string& norm,
                        int64_t stride) {
    const std::string weight = conv + ".weight";
    const std::vector<ProtobufMessage> attributes = window(shape_of(weight)[2], stride);
    if (!folds_) {
      const std::string y = graph_.add("Conv", conv, {x, stored(weight)}, attributes);
      return graph_.add("BatchNormalization", norm,
                        {y, stored(norm + ".weight"), stored(norm + ".bias"),
                         stored(norm + ".running_mean"), stored(norm + ".running_var")},
                        {number("epsilon", BatchNormSpec{}.epsilon)});
    }
    const std::vector<float> trained = values(weight);
    std::vector<double> folded(trained.begin(), trained.end());
    const std::vector<double> bias =
        fold_batch_norm(folded, {.gamma = wide(norm + ".weight"),
                                 .beta = wide(norm + ".bias"),
                                 .mean = wide(norm + ".running_mean"),
                                 .variance = wide(norm + ".running_var")});
    return graph_.add(
        "Conv", conv,
        {x, graph_.constant(weight, shape_of(weight), {folded.begin(), folded.end()}),
         graph_.constant(conv + ".bias", shape_of(norm + ".bias"), {bias.begin(), bias.end()})},
        attributes);
  }
  std::vector<double> wide(const std::string& name) const {
    const std::vector<float> stored = values(name);
    return {stored.begin(), stored.end()};
  }

  // Of a bottleneck the 3x3 has the stride, of a basic block the first.
  std::string residual_block(const std::string& x, const std::string& block, int64_t stride) {
    const bool bottleneck = tensors_.contains(block + "conv3.weight");
    const std::string shortcut =
        tensors_.contains(block + "downsample.0.weight")
            ? conv_norm(x, block + "downsample.0", block + "downsample.1", stride)
            : x;
    std::string y = x;
    const int last = bottleneck ? 3 : 2;
    for (int i = 1; i <= last; ++i) {
      const std::string number = std::to_string(i);
      y = conv_norm(y, block + "conv" + number, block + "bn" + number, i == last - 1 ? stride : 1);
      if (i < last) y = relu(y, block + "relu" + number);
    }
    return relu(graph_.add("Add", block + "add", {y, shortcut}), block + "relu");
  }

  const std::map<std::string, SafetensorsEntry>& tensors_;
  bool folds_;
  OnnxGraph& graph_;
};

// u8 [N, H, W, 3] -> (x / 255 - mean) / deviation [N, 3, H, W]
std::string preprocess(const EncoderFile& encoder, OnnxGraph& graph) {
  const ImageNormalization& of = encoder.metadata->preprocessing.normalization;
  std::vector<float> scale;
  std::vector<float> shift;
  for (size_t c = 0; c < 3; ++c) {
    scale.push_back(static_cast<float>(1.0 / (255.0 * of.deviation[c])));
    shift.push_back(static_cast<float>(static_cast<double>(of.mean[c]) / of.deviation[c]));
  }
  std::string x = graph.add("Cast", "images_f32", {"images"}, {integer("to", kFloat)});
  x = graph.add("Transpose", "images_nchw", {x}, {ints("perm", {0, 3, 1, 2})});
  x = graph.add("Mul", "images_scaled", {x, graph.constant("scale", {1, 3, 1, 1}, scale)});
  return graph.add("Sub", "images_normalized", {x, graph.constant("shift", {1, 3, 1, 1}, shift)});
}

void check(const EncoderFile& encoder, const OnnxOptions& options) {
  AMCL_CHECK(!options.with_preprocessing || encoder.metadata,
             "--with-preprocessing: ", encoder.path,
             " does not say how its images are normalised; leave it out");
  AMCL_CHECK(!options.with_head || encoder.classifier, "--with-head: ", encoder.path,
             " holds no classifier; amcl finetune trains one on it, with labelled images");
}

}  // namespace

void write_onnx(const EncoderFile& encoder, const OnnxOptions& options, const std::string& path) {
  check(encoder, options);
  OnnxGraph graph;
  Dimension height{.name = "height"};
  Dimension width{.name = "width"};
  if (encoder.metadata) {
    height = {.value = encoder.metadata->preprocessing.view.height};
    width = {.value = encoder.metadata->preprocessing.view.width};
  }
  const Dimension batch{.name = "batch"};
  const Dimension channels{.value = 3};
  if (options.with_preprocessing)
    graph.input("images", kUint8, {batch, height, width, channels});
  else
    graph.input("images", kFloat, {batch, channels, height, width});
  ResNetWriter(encoder, options.fold_batch_norm, graph)
      .write(options.with_preprocessing ? preprocess(encoder, graph) : "images");
  graph.output("features", {batch, {.value = encoder.backbone.feature_dim()}});
  if (options.with_head) {
    const auto& [weight, bias] = *encoder.classifier;
    graph.add(
        "Gemm", "logits",
        {"features", graph.constant("classifier.weight", weight.shape, weight.values<float>()),
         graph.constant("classifier.bias", bias.shape, bias.values<float>())},
        {integer("transB", 1)});
    graph.output("logits", {batch, {.value = encoder.classifier->classes()}});
  }
  const std::string model = graph.model(encoder.backbone.backbone, exported_metadata(encoder));
  AMCL_CHECK(model.size() <= kMostBytes, "--out ", path, ": the encoder has ", model.size(),
             " bytes, and a file of ONNX at most ", kMostBytes, "; export .safetensors");
  write_file_atomically(path, model);
}

}  // namespace amcl
