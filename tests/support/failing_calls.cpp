// A library for LD_PRELOAD that lets one allocation or the start of one thread of a program fail:
//
//   FAIL_ALLOCATION=n     the n-th allocation since main() began, counted from 1, and no other
//   FAIL_ALLOCATION=n+    that one and all after it
//   FAIL_THREAD=n         the n-th thread is not made, nor is one after it
//   CALLS_TO=FILE         the counts of allocations and threads are written there at the end
//
// An allocation is whatever asks libc for memory, operator new and libraries included; but for oneDNN
// and libgomp, which crash or end the process where libc gives them none (docs/limits.md).
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

namespace {

std::atomic<bool> counting = false;
std::atomic<long> allocations = 0;
std::atomic<long> threads = 0;
long failing_allocation = 0;
bool and_later_ones = false;
long failing_thread = 0;
int (*program)(int, char**, char**) = nullptr;

// The addresses of libraries whose own calls do not count.
struct Range {
  uintptr_t begin;
  uintptr_t end;
};
Range spared[2];
int spared_count = 0;

int note_library(dl_phdr_info* info, size_t, void*) {
  if (std::strstr(info->dlpi_name, "libdnnl") == nullptr &&
      std::strstr(info->dlpi_name, "libgomp") == nullptr)
    return 0;
  Range range{UINTPTR_MAX, 0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    range.begin = std::min(range.begin, begin);
    range.end = std::max(range.end, begin + info->dlpi_phdr[i].p_memsz);
  }
  if (spared_count < 2) spared[spared_count++] = range;
  return 0;
}

bool is_spared(const void* caller) {
  const auto address = reinterpret_cast<uintptr_t>(caller);
  for (int i = 0; i < spared_count; ++i)
    if (address >= spared[i].begin && address < spared[i].end) return true;
  return false;
}

// `caller`: the return address of the call of libc.
bool allocation_fails(const void* caller) {
  if (!counting || is_spared(caller)) return false;
  const long number = ++allocations;
  if (failing_allocation == 0) return false;
  return and_later_ones ? number >= failing_allocation : number == failing_allocation;
}

void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

int counted_program(int argc, char** argv, char** environment) {
  if (const char* number = std::getenv("FAIL_ALLOCATION")) {
    failing_allocation = std::atol(number);
    and_later_ones = std::strchr(number, '+') != nullptr;
  }
  if (const char* number = std::getenv("FAIL_THREAD")) failing_thread = std::atol(number);
  dl_iterate_phdr(note_library, nullptr);
  counting = true;
  const int code = program(argc, argv, environment);
  counting = false;
  if (const char* path = std::getenv("CALLS_TO"))
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld %ld\n", allocations.load(), threads.load());
      std::fclose(file);
    }
  return code;
}

}  // namespace

void* malloc(size_t bytes) {
  return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) {
  return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_calloc(count, bytes);
}

void* realloc(void* block, size_t bytes) {
  return allocation_fails(__builtin_return_address(0)) ? no_memory() : __libc_realloc(block, bytes);
}

void* memalign(size_t alignment, size_t bytes) {
  return allocation_fails(__builtin_return_address(0)) ? no_memory()
                                                       : __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
  return allocation_fails(__builtin_return_address(0)) ? no_memory()
                                                       : __libc_memalign(alignment, bytes);
}

int posix_memalign(void** block, size_t alignment, size_t bytes) {
  if (allocation_fails(__builtin_return_address(0))) return ENOMEM;
  *block = __libc_memalign(alignment, bytes);
  return *block == nullptr ? ENOMEM : 0;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  if (counting && ++threads >= failing_thread && failing_thread > 0) return EAGAIN;
  return real(thread, attributes, body, argument);
}

// libc calls it with main().
int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(),
                      void (*fini)(), void (*loader_fini)(), void* stack_end) {
  using Start =
      int (*)(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  const auto real = reinterpret_cast<Start>(dlsym(RTLD_NEXT, "__libc_start_main"));
  program = main;
  return real(counted_program, argc, argv, init, fini, loader_fini, stack_end);
}

}  // extern "C"

// As libstdc++ has it, but that a library which calls it is known.
void* operator new(size_t bytes) {
  void* block = nullptr;
  if (!allocation_fails(__builtin_return_address(0)))
    block = __libc_malloc(std::max<size_t>(bytes, 1));
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
