// Convolutions by oneDNN: plans (primitives with the filter layout that they ask for), cached by
// shape.
#pragma once
#include <list>
#include <memory>

#include "engine/backend/cpu/conv_shape.h"
#include "engine/backend/cpu/scratch.h"

namespace amcl {

class OneDnnConvolutions {
 public:
  OneDnnConvolutions();
  OneDnnConvolutions(const OneDnnConvolutions&) = delete;
  OneDnnConvolutions& operator=(const OneDnnConvolutions&) = delete;
  ~OneDnnConvolutions();

  // y from x and w; dx from y = dy and w; or dw from x and y = dy. Plain layouts on both sides.
  void forward(const ConvShape& shape, const float* x, const float* w, float* y, Scratch& scratch);
  void data_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx,
                     Scratch& scratch);
  void weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw,
                       Scratch& scratch);

  size_t plan_count() const { return plans_.size(); }

 private:
  struct Library;
  struct Plan;
  // The plan of `pass` over `shape`, made if it is new; the least recently used one makes room.
  Plan& plan(ConvPass pass, const ConvShape& shape);

  std::unique_ptr<Library> library_;
  std::list<Plan> plans_;  // most recently used first
};

}  // namespace amcl
