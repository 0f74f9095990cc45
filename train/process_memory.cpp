#include "train/process_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace amcl {

int64_t resident_bytes() {
  std::ifstream statistics("/proc/self/statm");  // in pages: total, resident, ...
  int64_t total = 0;
  int64_t resident = 0;
  if (!(statistics >> total >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t peak_resident_bytes() {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  constexpr int64_t kUnit = 1024;  // ru_maxrss counts KiB on Linux
  return usage.ru_maxrss * kUnit;
}

}  // namespace amcl
