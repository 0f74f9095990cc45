#include "engine/core/host_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace amcl {
namespace {

int64_t available_bytes() {
  std::ifstream lines("/proc/meminfo");  // "MemAvailable:    12345 kB"
  std::string name;
  int64_t kibibytes = 0;
  while (lines >> name >> kibibytes) {
    if (name == "MemAvailable:") return kibibytes << 10;
    lines.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

int64_t free_host_bytes() {
  const int64_t available = available_bytes();
  rlimit limit = {};
  int64_t pages = 0;
  std::ifstream statistics("/proc/self/statm");
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      !(statistics >> pages))
    return available;
  const int64_t addresses = static_cast<int64_t>(limit.rlim_cur) - pages * sysconf(_SC_PAGESIZE);
  return std::clamp<int64_t>(addresses, 0, available);
}

}  // namespace amcl
