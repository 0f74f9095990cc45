// Graphs of ONNX, read back by their wire format.
#include "train/encoder/onnx_export.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "engine/io/file.h"
#include "tests/train/evaluation_fixture.h"
#include "train/checkpoint/run_files.h"

namespace amcl {
namespace {

// Fields of a message by their numbers: integers as they are, the rest as bytes.
struct WireMessage {
  std::multimap<uint64_t, uint64_t> integers;
  std::multimap<uint64_t, std::string> bytes;

  explicit WireMessage(std::string_view text) {
    while (!text.empty()) {
      const uint64_t key = varint(text);
      size_t length = 0;
      if ((key & 7) == 0) {
        integers.emplace(key >> 3, varint(text));
        continue;
      }
      if ((key & 7) == 5)
        length = 4;
      else if ((key & 7) == 2)
        length = varint(text);
      else
        FAIL("kind ", key & 7);
      REQUIRE(length <= text.size());
      bytes.emplace(key >> 3, text.substr(0, length));
      text.remove_prefix(length);
    }
  }

  std::vector<std::string> all(uint64_t field) const {
    std::vector<std::string> result;
    for (auto [entry, end] = bytes.equal_range(field); entry != end; ++entry)
      result.push_back(entry->second);
    return result;
  }
  std::string one(uint64_t field) const {
    REQUIRE(bytes.count(field) == 1);
    return bytes.find(field)->second;
  }
  uint64_t number(uint64_t field) const {
    REQUIRE(integers.count(field) == 1);
    return integers.find(field)->second;
  }
  static uint64_t varint(std::string_view& text) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      REQUIRE(!text.empty());
      const auto byte = static_cast<unsigned char>(text.front());
      text.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
};

// Extents of an input or output: numbers, or names of those that are left open.
std::string shape_text(const WireMessage& value) {
  std::string text = value.one(1);
  const WireMessage tensor(WireMessage(value.one(2)).one(1));
  for (const std::string& dimension : WireMessage(tensor.one(2)).all(1)) {
    const WireMessage extent(dimension);
    text += ' ' + (extent.integers.empty() ? extent.one(2) : std::to_string(extent.number(1)));
  }
  return text + " of " + std::to_string(tensor.number(1));
}

struct Graph {
  std::map<std::string, std::string> weights;  // raw, by name
  std::map<std::string, int> nodes;            // how many of each operation
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, std::string> metadata;
};

class OnnxTest : public test::EvaluationFixture {
 protected:
  EncoderFile encoder() const {
    return read_encoder_file(path_, [](const std::string&) {});
  }
  // Of a graph in which every value is made before it is used, and every weight is used.
  Graph exported(const OnnxOptions& options) const {
    const std::string path = directory_.file("encoder.onnx");
    write_onnx(encoder(), options, path);
    File file = File::open_for_reading(path);
    std::string text(static_cast<size_t>(file.size()), '\0');
    file.read(std::as_writable_bytes(std::span(text)));
    const WireMessage model(text);
    CHECK(model.number(1) == 8);
    CHECK(WireMessage(model.one(8)).number(2) == 17);
    Graph graph;
    for (const std::string& entry : model.all(14))
      graph.metadata[WireMessage(entry).one(1)] = WireMessage(entry).one(2);
    const WireMessage body(model.one(7));
    std::set<std::string> known;
    std::set<std::string> unused;
    for (const std::string& entry : body.all(5)) {
      const WireMessage tensor(entry);
      graph.weights[tensor.one(8)] = tensor.one(9);
      CHECK(unused.insert(tensor.one(8)).second);
    }
    known = unused;
    for (const std::string& entry : body.all(11)) {
      graph.inputs.push_back(shape_text(WireMessage(entry)));
      known.insert(WireMessage(entry).one(1));
    }
    for (const std::string& entry : body.all(1)) {
      const WireMessage node(entry);
      ++graph.nodes[node.one(4)];
      for (const std::string& input : node.all(1)) {
        CHECK_MESSAGE(known.contains(input), input);
        unused.erase(input);
      }
      CHECK(known.insert(node.one(2)).second);
    }
    CHECK(unused.empty());
    for (const std::string& entry : body.all(12)) {
      graph.outputs.push_back(shape_text(WireMessage(entry)));
      CHECK(known.contains(WireMessage(entry).one(1)));
    }
    return graph;
  }
};

std::string raw(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), 4 * values.size()};
}

TEST_CASE_FIXTURE(OnnxTest, "onnx: the graph is a ResNet-18 with the weights of the checkpoint") {
  const Graph graph = exported({});
  CHECK(graph.nodes == std::map<std::string, int>{{"Conv", 20},
                                                  {"BatchNormalization", 20},
                                                  {"Relu", 17},
                                                  {"Add", 8},
                                                  {"GlobalAveragePool", 1},
                                                  {"Flatten", 1}});
  const std::string width = std::to_string(encoder().backbone.feature_dim());
  CHECK(graph.inputs == std::vector<std::string>{"images batch 3 32 32 of 1"});
  CHECK(graph.outputs == std::vector<std::string>{"features batch " + width + " of 1"});
  const EncoderFile file = encoder();
  REQUIRE(graph.weights.size() == file.file.tensors.size());
  for (const auto& tensor : file.file.tensors) {
    CAPTURE(tensor.first);
    CHECK(graph.weights.at(tensor.first) == raw(tensor.second.values<float>()));
  }
  CHECK(graph.metadata.at("backbone") == "resnet18");
  CHECK(graph.metadata.contains("normalization_mean"));
  CHECK_FALSE(graph.metadata.contains("config"));
}

TEST_CASE_FIXTURE(OnnxTest, "onnx: folded, a convolution has a bias and no batch norm follows") {
  for (int step = 0; step < 3; ++step) trainer_.step();
  save(trainer_.checkpoint());
  const Graph graph = exported({.fold_batch_norm = true});
  CHECK(graph.nodes.at("Conv") == 20);
  CHECK_FALSE(graph.nodes.contains("BatchNormalization"));
  CHECK(graph.weights.size() == 40);
  const EncoderFile file = encoder();
  const auto values = [&](const char* name) { return file.file.tensors.at(name).values<double>(); };
  const double scale = values("bn1.weight")[0] / std::sqrt(values("bn1.running_var")[0] + 1e-5);
  float first = 0.0F;
  std::memcpy(&first, graph.weights.at("conv1.weight").data(), sizeof first);
  CHECK(first == static_cast<float>(values("conv1.weight")[0] * scale));
  std::memcpy(&first, graph.weights.at("conv1.bias").data(), sizeof first);
  CHECK(first == static_cast<float>(values("bn1.bias")[0] - values("bn1.running_mean")[0] * scale));
}

TEST_CASE_FIXTURE(OnnxTest, "onnx: with preprocessing pixels go in; what is not there is refused") {
  const Graph graph = exported({.with_preprocessing = true});
  CHECK(graph.inputs == std::vector<std::string>{"images batch 32 32 3 of 2"});
  for (const char* operation : {"Cast", "Transpose", "Mul", "Sub"})
    CHECK(graph.nodes.at(operation) == 1);
  const std::string path = directory_.file("none.onnx");
  CHECK_THROWS_WITH_AS(write_onnx(encoder(), {.with_head = true}, path),
                       doctest::Contains("holds no classifier; amcl finetune trains one on it"),
                       Error);
  EncoderFile foreign = encoder();
  foreign.metadata.reset();
  CHECK_THROWS_WITH_AS(write_onnx(foreign, {.with_preprocessing = true}, path),
                       doctest::Contains("does not say how its images are normalised"), Error);
  CHECK_FALSE(file_exists(path));
}

TEST_CASE_FIXTURE(OnnxTest, "onnx: the head of a fine-tuned encoder is a second output") {
  EncoderFile tuned = encoder();
  const int64_t width = tuned.backbone.feature_dim();
  tuned.classifier = {.weight = SafetensorsEntry::from<float>(
                          {3, width}, std::vector<float>(static_cast<size_t>(3 * width), 0.5F)),
                      .bias = SafetensorsEntry::from<float>({3}, {1.0F, 2.0F, 3.0F})};
  const std::string path = directory_.file("tuned.onnx");
  write_onnx(tuned, {.with_head = true}, path);
  File file = File::open_for_reading(path);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  const WireMessage body(WireMessage(text).one(7));
  REQUIRE(body.all(12).size() == 2);
  CHECK(shape_text(WireMessage(body.all(12)[1])) == "logits batch 3 of 1");
  CHECK(WireMessage(body.all(1).back()).one(4) == "Gemm");
}

}  // namespace
}  // namespace amcl
