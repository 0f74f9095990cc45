// Tensor: a dense, row-major value handle to device memory. Copying a Tensor copies the handle, not
// the elements.
//
// No strides: images are [N, H, W, C], filters [K, R, S, C], head batches [C, M, d]. reshape and
// slice_rows are views of the same block. A tensor knows its Device (backend_of(x) in
// engine/backend/backend.h gives the kernels), and the tape (engine/autograd/tape.h) marks with a
// slot number which tensors it follows.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/core/shape.h"

namespace amcl {

class Device;

// Which value of which tape a tensor is; tape 0 is none.
struct TapeSlot {
  uint64_t tape = 0;
  int32_t index = -1;
};

class Tensor {
 public:
  Tensor() = default;  // empty: no storage

  // Undefined contents, from the device's allocator.
  static Tensor empty(Device& device, const Shape& shape, DType dtype);
  static Tensor empty_like(const Tensor& other);
  static Tensor zeros(Device& device, const Shape& shape, DType dtype);
  // Copies host values (double and float are converted to dtype f64, f32 or bf16; int32_t and
  // uint8_t are not).
  template <class T>
  static Tensor from_host(Device& device, const Shape& shape, std::span<const T> values,
                          DType dtype);
  template <class T>
  static Tensor from_host(Device& device, const Shape& shape, std::span<const T> values) {
    return from_host(device, shape, values, kDTypeOf<T>);
  }

  // Overwrites the elements with as many host values, converted as in from_host.
  template <class T>
  void assign(std::span<const T> values);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t count() const { return shape_.count(); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device& device() const;

  // The elements, for backends and for tests on host memory. Throws if T is not the dtype.
  template <class T>
  T* data() {
    check_dtype(kDTypeOf<T>);
    return static_cast<T*>(raw());
  }
  template <class T>
  const T* data() const {
    check_dtype(kDTypeOf<T>);
    return static_cast<const T*>(raw());
  }
  void* raw();
  const void* raw() const;

  // A copy of the elements on the host, converted to T (any numeric dtype).
  template <class T>
  std::vector<T> to_host() const;
  // The single element of a tensor of count 1, on the host: waits for the device.
  double item() const;

  // Views. They keep the tape's slot of the source only if nothing changes; use the op reshape for
  // tracked values.
  Tensor view(const Shape& shape) const;
  // Rows [begin, end) along axis 0.
  Tensor slice(int64_t begin, int64_t end) const;

  // Whether no other handle shares the block: only then may its content be overwritten in place.
  bool sole_owner() const { return storage_.use_count() == 1; }
  bool same_block(const Tensor& other) const {
    return storage_ == other.storage_ && offset_ == other.offset_;
  }

  TapeSlot slot() const { return slot_; }
  void set_slot(TapeSlot slot) { slot_ = slot; }

 private:
  struct Storage;

  void check_dtype(DType wanted) const;

  std::shared_ptr<Storage> storage_;
  size_t offset_ = 0;  // bytes into the storage
  Shape shape_;
  DType dtype_ = DType::f32;
  TapeSlot slot_;
};

}  // namespace amcl
