// Convolutions by oneDNN: plans (primitives with the filter layout that they ask for), cached by
// shape and type.
#pragma once
#include <list>
#include <memory>

#include "engine/backend/cpu/conv_epilogue.h"
#include "engine/backend/cpu/conv_shape.h"
#include "engine/backend/cpu/scratch.h"
#include "engine/core/dtype.h"

namespace amcl {

class OneDnnConvolutions {
 public:
  OneDnnConvolutions();
  OneDnnConvolutions(const OneDnnConvolutions&) = delete;
  OneDnnConvolutions& operator=(const OneDnnConvolutions&) = delete;
  ~OneDnnConvolutions();

  // Whether this CPU has products of bf16 (avx512_bf16 or AMX) that oneDNN uses.
  static bool multiplies_bf16();

  // y from x and w; dx from dy and w; or dw from x and dy. Plain layouts on both sides. All are
  // `dtype`, f32 or bf16, but for dw, which is f32 always.
  void forward(const ConvShape& shape, DType dtype, const void* x, const void* w,
               const ConvEpilogue& epilogue, void* y, Scratch& scratch);
  void data_gradient(const ConvShape& shape, DType dtype, const void* dy, const void* w, void* dx,
                     Scratch& scratch);
  void weight_gradient(const ConvShape& shape, DType dtype, const void* x, const void* dy, void* dw,
                       Scratch& scratch);

  size_t plan_count() const { return plans_.size(); }

 private:
  struct Library;
  struct PlanKey;
  struct Plan;
  // The plan of that kind, made if it is new; the least recently used one makes room.
  Plan& plan(const PlanKey& key);

  std::unique_ptr<Library> library_;
  std::list<Plan> plans_;  // most recently used first
};

}  // namespace amcl
