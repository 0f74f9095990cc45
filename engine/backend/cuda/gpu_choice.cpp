#include "engine/backend/cuda/gpu_choice.h"

#include "engine/core/check.h"

namespace amcl::cuda {
namespace {

// The oldest architecture that the kernels are compiled for: A100.
constexpr int kLeastMajor = 8;

std::string describe(const Gpu& gpu) {
  return concat_text(gpu.name, ", ", gpu.bytes >> 30, " GiB, architecture ", gpu.major, '.',
                     gpu.minor);
}

}  // namespace

std::string reason_against_gpu(const GpuSurvey& survey, int number) {
  const std::vector<Gpu>& gpus = survey.gpus;
  if (!survey.failure.empty()) return survey.failure + "; use --device cpu";
  if (gpus.empty()) return "no GPU; use --device cpu";
  if (number < 0 || number >= std::ssize(gpus)) {
    const std::string there =
        gpus.size() == 1 ? "there is one: use --device cuda:0"
                         : concat_text("there are ", gpus.size(), ": use --device ", name_of_gpu(0),
                                       " to ", name_of_gpu(static_cast<int>(gpus.size()) - 1));
    return concat_text("no GPU has the number ", number, ", ", there,
                       " (CUDA_VISIBLE_DEVICES may hide others)");
  }
  const Gpu& gpu = gpus[static_cast<size_t>(number)];
  if (gpu.major < kLeastMajor)
    return concat_text(gpu.name, " has architecture ", gpu.major, '.', gpu.minor, "; ", kLeastMajor,
                       ".0 or later is needed; use --device cpu");
  return {};
}

std::string describe(const std::vector<Gpu>& gpus) {
  if (gpus.size() == 1) return describe(gpus.front());
  std::string text;
  for (int number = 0; number < std::ssize(gpus); ++number)
    text += concat_text(number == 0 ? "" : "; ", name_of_gpu(number), ' ',
                        describe(gpus[static_cast<size_t>(number)]));
  return text;
}

std::string name_of_gpu(int number) {
  return concat_text("cuda:", number);
}

}  // namespace amcl::cuda
