// How long cuDNN's engines take on this GPU: the first eight of every convolution of the networks in
// bf16, in the order in which the backend would take them.
//   usage: conv_engine_probe [BACKBONE]     resnet18 if left out
// Prints a JSON object a line, one for each convolution and pass, and at last the sums over a step of the
// first engine's times and of the fastest one's.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/backend/cuda/conv_engines.h"
#include "engine/backend/cuda/cuda_check.h"
#include "engine/core/philox.h"
#include "tests/cuda/network_convolutions.h"

namespace amcl {
namespace {

using cuda::ConvEngine;
using cuda::ConvPass;
using cuda::ConvPlan;

constexpr size_t kEngines = 8;
constexpr int kRuns = 5;
constexpr int64_t kAlignment = 16;

// Device memory that grows, filled with random bf16 values: an engine may be faster on zeros.
class Block {
 public:
  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { cudaFree(memory_); }

  void* of(int64_t bytes) {
    if (bytes <= bytes_) return memory_;
    cudaFree(memory_);
    AMCL_CUDA_CALL(cudaMalloc(&memory_, static_cast<size_t>(bytes)));
    bytes_ = bytes;
    RandomStream random(1, RandomPurpose::synthetic, 0, 0, 0);
    std::vector<bf16> values(size_t{1} << 20);
    for (bf16& value : values) value = bf16(random.normal());
    const auto part = static_cast<int64_t>(values.size() * sizeof(bf16));
    for (int64_t begin = 0; begin < bytes; begin += part)
      AMCL_CUDA_CALL(cudaMemcpy(static_cast<std::byte*>(memory_) + begin, values.data(),
                                static_cast<size_t>(std::min(part, bytes - begin)),
                                cudaMemcpyHostToDevice));
    return memory_;
  }

 private:
  void* memory_ = nullptr;
  int64_t bytes_ = 0;
};

int64_t bytes_of(const cuda::ConvTensor& tensor) {
  const auto& d = tensor.dimensions;
  return d[0] * d[1] * d[2] * d[3] * static_cast<int64_t>(size_of(tensor.dtype));
}

class Probe {
 public:
  Probe() {
    AMCL_CUDNN_CALL(library_, cudnnCreate, &handle_);
    AMCL_CUDA_CALL(cudaEventCreate(&begin_));
    AMCL_CUDA_CALL(cudaEventCreate(&end_));
  }

  void probe(const std::string& backbone, const test::NetworkConvolution& convolution,
             ConvPass pass) {
    ConvPlan plan = cuda::plan_convolution(pass, convolution.x, convolution.w, convolution.y,
                                           convolution.spec, DType::bf16);
    const cuda::ConvEngines engines(library_, handle_, {});
    std::vector<ConvEngine> found = engines.find(plan, kAlignment, kEngines);
    if (found.empty()) {
      plan.w.dtype = DType::bf16;
      found = engines.find(plan, kAlignment, kEngines);
    }
    nlohmann::ordered_json line;
    line["cudnn"] = library_.version();
    line["backbone"] = backbone;
    line["plan"] = describe(plan);
    line["times"] = convolution.times;
    line["engines"] = nlohmann::ordered_json::array();
    std::vector<double> known;
    for (const ConvEngine& engine : found) {
      nlohmann::ordered_json one;
      one["engine"] = engine.number;
      one["tensor_cores"] = engine.notes.tensor_cores;
      one["workspace_mib"] = static_cast<double>(engine.workspace_bytes >> 10) / 1024.0;
      try {
        known.push_back(milliseconds(plan, engine));
        one["ms"] = known.back();
      } catch (const Error& error) {
        one["failed"] = error.what();
      }
      line["engines"].push_back(one);
    }
    std::printf("%s\n", line.dump().c_str());
    if (known.empty()) return;
    const auto times = static_cast<double>(convolution.times);
    first_ms_ += times * known.front();
    fastest_ms_ += times * *std::min_element(known.begin(), known.end());
  }

  void print_sums(const std::string& backbone) const {
    nlohmann::ordered_json line;
    line["backbone"] = backbone;
    line["convolutions_ms_of_a_step"] = first_ms_;
    line["with_the_fastest_engines"] = fastest_ms_;
    std::printf("%s\n", line.dump().c_str());
  }

 private:
  // The fastest of some runs after one that is not timed.
  double milliseconds(const ConvPlan& plan, const ConvEngine& engine) {
    void* x = x_.of(bytes_of(plan.x));
    void* w = w_.of(bytes_of(plan.w));
    void* y = y_.of(bytes_of(plan.y));
    void* workspace = workspace_.of(std::max<int64_t>(engine.workspace_bytes, 1));
    float fastest = 0.0F;
    for (int run = 0; run <= kRuns; ++run) {
      AMCL_CUDA_CALL(cudaEventRecord(begin_, nullptr));
      run_engine(library_, handle_, engine, x, w, y, workspace);
      AMCL_CUDA_CALL(cudaEventRecord(end_, nullptr));
      AMCL_CUDA_CALL(cudaEventSynchronize(end_));
      float taken = 0.0F;
      AMCL_CUDA_CALL(cudaEventElapsedTime(&taken, begin_, end_));
      if (run == 1 || (run > 1 && taken < fastest)) fastest = taken;
    }
    return static_cast<double>(fastest);
  }

  cuda::CudnnLibrary library_;
  cudnnHandle_t handle_ = nullptr;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
  Block x_, w_, y_, workspace_;
  double first_ms_ = 0.0;
  double fastest_ms_ = 0.0;
};

void probe_network(const std::string& backbone) {
  for (const test::MeasuredNetwork& network : test::measured_networks()) {
    if (network.backbone != backbone) continue;
    Probe probe;
    for (const test::NetworkConvolution& one : convolutions_of(network))
      for (const ConvPass pass :
           {ConvPass::forward, ConvPass::input_gradient, ConvPass::filter_gradient})
        if (!one.of_images || pass != ConvPass::input_gradient) probe.probe(backbone, one, pass);
    probe.print_sums(backbone);
    return;
  }
  fail(ErrorKind::usage, "conv_engine_probe: ", backbone, " is not measured");
}

}  // namespace
}  // namespace amcl

int main(int argument_count, char** arguments) {
  try {
    amcl::probe_network(argument_count > 1 ? arguments[1] : "resnet18");
    return 0;
  } catch (const amcl::Error& error) {
    std::fprintf(stderr, "conv_engine_probe: %s\n", error.what());
    return 1;
  }
}
