// Shape: up to five extents held inline. Prints as [2, 3, 4]; a scalar is [].
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>

#include "engine/core/check.h"

namespace amcl {

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents)
      : Shape(std::span<const int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const int64_t> extents) {
    AMCL_CHECK(extents.size() <= kMaxRank, "shape: at most ", kMaxRank, " extents, got ",
               extents.size());
    for (const int64_t extent : extents) {
      AMCL_CHECK(extent >= 0, "shape: an extent is negative: ", extent);
      extents_[static_cast<size_t>(rank_++)] = extent;
    }
  }

  int rank() const { return rank_; }
  // Extent `axis`; a negative axis counts from the end.
  int64_t operator[](int axis) const {
    const int index = axis < 0 ? axis + rank_ : axis;
    AMCL_CHECK(index >= 0 && index < rank_, "shape: axis ", axis, " of a tensor of rank ", rank_);
    return extents_[static_cast<size_t>(index)];
  }
  int64_t back() const { return (*this)[-1]; }
  int64_t count() const {
    int64_t product = 1;
    for (int axis = 0; axis < rank_; ++axis) product *= extents_[static_cast<size_t>(axis)];
    return product;
  }
  // Product of all extents but the last: the tensor seen as rows. 1 for a scalar.
  int64_t rows() const {
    return rank_ == 0 || back() == 0 ? (rank_ == 0 ? 1 : 0) : count() / back();
  }
  std::span<const int64_t> extents() const { return {extents_.data(), static_cast<size_t>(rank_)}; }

  // The same shape with extent `axis` replaced.
  Shape with(int axis, int64_t extent) const {
    Shape result = *this;
    const int index = axis < 0 ? axis + rank_ : axis;
    AMCL_CHECK(index >= 0 && index < rank_, "shape: axis ", axis, " of a tensor of rank ", rank_);
    AMCL_CHECK(extent >= 0, "shape: an extent is negative: ", extent);
    result.extents_[static_cast<size_t>(index)] = extent;
    return result;
  }
  // The same shape without its last extent.
  Shape without_last() const {
    AMCL_CHECK(rank_ >= 1, "shape: axis -1 of a tensor of rank 0");
    return Shape(extents().first(static_cast<size_t>(rank_ - 1)));
  }

  bool operator==(const Shape& other) const {
    return rank_ == other.rank_ && extents_ == other.extents_;
  }

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int axis = 0; axis < shape.rank(); ++axis) out << (axis ? ", " : "") << shape[axis];
  return out << ']';
}

}  // namespace amcl
