#include "train/openmp_waiting.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace amcl {

void let_openmp_threads_sleep(const char* const* argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("OMP_WAIT_POLICY", "passive", 0) != 0) return;
  // By its name, not as /proc/self/exe, which `top` would show as "exe".
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown) return;
  // Returns only where it fails; then threads spin, as they would have.
  execv(program.c_str(), const_cast<char* const*>(argv));
}

}  // namespace amcl
