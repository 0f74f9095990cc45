#include "engine/backend/open.h"

#include "engine/backend/cpu/open_cpu.h"
#include "engine/backend/cuda/open_cuda.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/core/check.h"

namespace amcl {

std::unique_ptr<Backend> open_backend(const std::string& name) {
  if (name == "cpu") return open_cpu_backend();
  if (name == "cuda") return open_cuda_backend();
  if (name == "plain") return std::make_unique<PlainBackend>();
  fail(ErrorKind::usage, "device: '", name, "' is not one of cpu, cuda, plain");
}

std::vector<std::string> backend_names() {
  return {"cpu", "cuda", "plain"};
}

std::vector<BackendDescription> describe_backends() {
  return {{"cpu", describe_cpu()},
          {"cuda", describe_cuda()},
          {"plain", "the readable definition of every kernel, in f32 and f64"}};
}

}  // namespace amcl
