#include "engine/backend/cuda/gpu_choice.h"

#include <doctest/doctest.h>

namespace amcl {
namespace {

using cuda::Gpu;
using cuda::GpuSurvey;
using cuda::reason_against_gpu;

const Gpu kHopper{"NVIDIA H200", int64_t{139} << 30, 9, 0};
const Gpu kTuring{"Tesla T4", int64_t{15} << 30, 7, 5};

TEST_CASE("gpu choice: each GPU that is there can be used, by its number") {
  const GpuSurvey survey{"", {kHopper, kHopper}};
  CHECK(reason_against_gpu(survey, 0).empty());
  CHECK(reason_against_gpu(survey, 1).empty());
}

TEST_CASE("gpu choice: a wrong number is refused with those that there are") {
  CHECK(reason_against_gpu({"", {kHopper, kHopper, kHopper}}, 3) ==
        "no GPU has the number 3, there are 3: use --device cuda:0 to cuda:2 (CUDA_VISIBLE_DEVICES "
        "may hide others)");
  CHECK(reason_against_gpu({"", {kHopper}}, 1) ==
        "no GPU has the number 1, there is one: use --device cuda:0 (CUDA_VISIBLE_DEVICES may hide "
        "others)");
}

TEST_CASE("gpu choice: without a GPU or a driver the number does not matter") {
  CHECK(reason_against_gpu({}, 5) == "no GPU; use --device cpu");
  CHECK(reason_against_gpu({"no NVIDIA driver", {}}, 5) == "no NVIDIA driver; use --device cpu");
}

TEST_CASE("gpu choice: an architecture without kernels is refused by name") {
  const GpuSurvey survey{"", {kHopper, kTuring}};
  CHECK(reason_against_gpu(survey, 0).empty());
  CHECK(reason_against_gpu(survey, 1) ==
        "Tesla T4 has architecture 7.5; 8.0 or later is needed; use --device cpu");
}

TEST_CASE("gpu choice: several GPUs are described with their numbers") {
  CHECK(cuda::describe({kHopper}) == "NVIDIA H200, 139 GiB, architecture 9.0");
  CHECK(cuda::describe({kHopper, kTuring}) ==
        "cuda:0 NVIDIA H200, 139 GiB, architecture 9.0; cuda:1 Tesla T4, 15 GiB, architecture 7.5");
}

}  // namespace
}  // namespace amcl
