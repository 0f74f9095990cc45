// What cuDNN answers about GPUs that are only described: no GPU is needed, cuDNN is. Nothing runs; what
// is asked is that each convolution of the networks has an engine, and which.
#include "engine/backend/cuda/conv_engines.h"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/cuda/network_convolutions.h"

namespace amcl {
namespace {

using cuda::ConvEngine;
using cuda::ConvEngines;
using cuda::ConvPass;
using cuda::ConvPlan;
using cuda::CudnnLibrary;
using cuda::EngineRules;

constexpr int64_t kAlignment = 16;
// More would be a large part of what a step of ResNet-18 takes (6 GiB at 512 pairs).
constexpr int64_t kLargestWorkspace = int64_t{512} << 20;

// Null, with the reason printed, where cuDNN or the driver that it asks for is missing. The stub of the
// toolkit serves as the driver: cuDNN wants one before it considers all of its engines.
const CudnnLibrary* cudnn() {
  static const CudnnLibrary* const library = []() -> const CudnnLibrary* {
    try {
      if (dlopen("libcuda.so.1", RTLD_NOW) == nullptr) cuda::RuntimeLibrary{AMCL_STUB_DRIVER};
      cuda::RuntimeLibrary{AMCL_CUDNN_LIBRARY};
      return new CudnnLibrary;
    } catch (const Error& error) {
      std::printf("skipped: cuDNN's engines: %s\n", error.what());
      return nullptr;
    }
  }();
  return library;
}

std::string described(const std::string& device) {
  std::ifstream file(AMCL_TEST_DEVICES "/" + device + ".json");
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

// body(plan, engines) for each convolution of each network and each of its passes that a step has, on
// each device; of a filter's gradient in bf16 as the backend asks for it: in f32, else rounded.
template <class Body>
void for_each_plan(DType dtype, const EngineRules& rules, Body&& body) {
  std::set<std::string> asked;
  for (const std::string device : {"a100", "h200"}) {
    const ConvEngines engines(*cudnn(), described(device), rules);
    for (const test::MeasuredNetwork& network : test::measured_networks())
      for (const test::NetworkConvolution& one : test::convolutions_of(network))
        for (const ConvPass pass :
             {ConvPass::forward, ConvPass::input_gradient, ConvPass::filter_gradient}) {
          if (one.of_images && pass == ConvPass::input_gradient) continue;
          ConvPlan plan = cuda::plan_convolution(pass, one.x, one.w, one.y, one.spec, dtype);
          if (!asked.insert(device + describe(plan)).second) continue;  // several networks have it
          std::vector<ConvEngine> found = engines.find(plan, kAlignment, 1);
          if (found.empty() && plan.w.dtype != dtype) {
            plan.w.dtype = dtype;
            found = engines.find(plan, kAlignment, 1);
          }
          INFO(concat_text(device, ", ", network.backbone, ": ", describe(plan)));
          body(plan, found);
        }
  }
}

int64_t bytes_of(const cuda::ConvTensor& tensor) {
  const auto& d = tensor.dimensions;
  return d[0] * d[1] * d[2] * d[3] * static_cast<int64_t>(size_of(tensor.dtype));
}

void check_engine(const std::vector<ConvEngine>& found, int64_t most_bytes) {
  REQUIRE(found.size() == 1);
  CHECK(found.front().workspace_bytes >= 0);
  CHECK(found.front().workspace_bytes <= most_bytes);
  CHECK_FALSE(found.front().notes.compiled_at_run_time);
}

TEST_CASE("cudnn: every convolution in bf16 has an engine with tensor cores, none compiled late") {
  if (cudnn() == nullptr) return;
  for_each_plan(DType::bf16, {}, [](const ConvPlan&, const std::vector<ConvEngine>& found) {
    check_engine(found, kLargestWorkspace);
    CHECK(found.front().notes.tensor_cores);
  });
}

TEST_CASE("cudnn: every convolution in bf16 has an engine that repeats to the bit") {
  if (cudnn() == nullptr) return;
  for_each_plan(DType::bf16, {.deterministic = true},
                [](const ConvPlan&, const std::vector<ConvEngine>& found) {
                  check_engine(found, kLargestWorkspace);
                  CHECK_FALSE(found.front().notes.order_varies);
                });
}

// Some work on copies of their tensors in another order.
TEST_CASE(
    "cudnn: every convolution in f32 has an engine that rounds nothing and repeats to the bit") {
  if (cudnn() == nullptr) return;
  for_each_plan(DType::f32, {.deterministic = true},
                [](const ConvPlan& plan, const std::vector<ConvEngine>& found) {
                  const int64_t tensors = bytes_of(plan.x) + bytes_of(plan.w) + bytes_of(plan.y);
                  check_engine(found, std::max(kLargestWorkspace, tensors + tensors / 2));
                  CHECK_FALSE(found.front().notes.tensor_cores);
                  CHECK_FALSE(found.front().notes.order_varies);
                });
}

TEST_CASE("cudnn: what it cannot do is no engine, not an error") {
  if (cudnn() == nullptr) return;
  const ConvEngines engines(*cudnn(), described("h200"), {});
  ConvPlan plan = cuda::plan_convolution(ConvPass::forward, {64, 32, 32, 64}, {64, 3, 3, 64},
                                         {64, 32, 32, 64}, {.padding = 1}, DType::bf16);
  REQUIRE(engines.find(plan, kAlignment, 1).size() == 1);
  plan.w.dtype = DType::f64;
  CHECK(engines.find(plan, kAlignment, 1).empty());
}

TEST_CASE("cudnn: a description that is none is refused by name") {
  if (cudnn() == nullptr) return;
  CHECK_THROWS_AS(ConvEngines(*cudnn(), "{}", {}), Error);
}

}  // namespace
}  // namespace amcl
