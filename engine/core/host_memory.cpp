#include "engine/core/host_memory.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "engine/core/out_of_memory.h"

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

// Of this process; zeros where the system does not tell.
struct ProcessPages {
  int64_t total = 0;
  int64_t resident = 0;
};

ProcessPages process_pages() {
  std::ifstream statistics("/proc/self/statm");
  ProcessPages pages;
  if (!(statistics >> pages.total >> pages.resident)) return {};
  return pages;
}

}  // namespace

int64_t free_host_bytes() {
  const int64_t available = available_bytes();
  rlimit limit = {};
  const int64_t pages = process_pages().total;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || pages == 0)
    return available;
  const int64_t addresses = static_cast<int64_t>(limit.rlim_cur) - pages * sysconf(_SC_PAGESIZE);
  return std::clamp<int64_t>(addresses, 0, available);
}

void check_address_room(int64_t bytes) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  void* room = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    throw OutOfMemory(concat_text("out of memory: the limit of addresses (ulimit -v, ",
                                  limit.rlim_cur >> 20, " MiB) leaves no ", bytes >> 20, " MiB"));
  munmap(room, static_cast<size_t>(bytes));
}

int64_t resident_bytes() {
  return process_pages().resident * sysconf(_SC_PAGESIZE);
}

int64_t peak_resident_bytes() {
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  constexpr int64_t kUnit = 1024;  // ru_maxrss counts KiB on Linux
  return usage.ru_maxrss * kUnit;
}

}  // namespace amcl
