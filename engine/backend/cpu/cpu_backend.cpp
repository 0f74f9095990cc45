#include "engine/backend/cpu/cpu_backend.h"

#include <hwy/targets.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "engine/backend/cpu/open_cpu.h"
#include "engine/core/check.h"

namespace amcl {

std::unique_ptr<Backend> open_cpu_backend(ConvAlgorithm conv_algorithm) {
  return std::make_unique<CpuBackend>(conv_algorithm);
}

std::string CpuBackend::reason_against(DType dtype) const {
  if (dtype != DType::bf16 || OneDnnConvolutions::multiplies_bf16()) return {};
  return "this CPU has neither avx512_bf16 nor AMX, so that bf16 would be slower than f32";
}

std::string describe_cpu() {
  const dnnl_version_t* version = dnnl_version();
  const int64_t supported = hwy::SupportedTargets();
  const char* instructions = (supported & HWY_AVX3) != 0   ? "AVX-512"
                             : (supported & HWY_AVX2) != 0 ? "AVX2 and FMA"
                                                           : "baseline";
  return concat_text("oneDNN ", version->major, '.', version->minor, '.', version->patch,
                     ", kernels for ", instructions);
}

}  // namespace amcl
