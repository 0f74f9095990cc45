// Which of a machine's GPUs can be used, and why another cannot. Pure host code: what was found comes
// from cuda_device.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amcl::cuda {

struct Gpu {
  std::string name;
  int64_t bytes = 0;  // of memory
  int major = 0;      // architecture
  int minor = 0;
};

struct GpuSurvey {
  std::string failure = {};    // why there is nothing to choose from: "no NVIDIA driver"
  std::vector<Gpu> gpus = {};  // by their number
};

// Why GPU `number` cannot be used and what to do instead, in one line; empty if it can.
std::string reason_against_gpu(const GpuSurvey& survey, int number);

// "NVIDIA H200, 139 GiB, architecture 9.0"; of several each with its number.
std::string describe(const std::vector<Gpu>& gpus);

// "cuda:1"
std::string name_of_gpu(int number);

}  // namespace amcl::cuda
