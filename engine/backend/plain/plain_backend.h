// The definition of every kernel: readable loops over f32 and f64 on the host. Slow on purpose; the
// fast backends are tested against it, and `cpu` inherits what it does not override.
//
// One file per section of the seam: elementwise.cpp, reduce.cpp, matmul.cpp, conv.cpp, pool.cpp,
// batch_norm.cpp, rows.cpp, move.cpp, pairwise.cpp (with concat_scores.cpp), optimizer.cpp,
// augment.cpp.
#pragma once
#include "engine/backend/backend.h"

namespace amcl {

class PlainBackend : public Backend {
 public:
  const char* name() const override { return "plain"; }
  Allocator& allocator() override { return allocator_; }
  void copy_from_host(void* destination, const void* source, size_t bytes) override;
  void copy_to_host(void* destination, const void* source, size_t bytes) override;
  void copy(void* destination, const void* source, size_t bytes) override;
  void fill_zero(void* destination, size_t bytes) override;
  void synchronize() override {}

#define AMCL_KERNEL(name, ...) void name(__VA_ARGS__) override;
#include "engine/backend/kernel_table.h"

 private:
  HostAllocator allocator_;
};

}  // namespace amcl
