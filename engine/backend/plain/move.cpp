// Kernels that move elements without arithmetic (scatter_add_rows alone adds).
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/backend/plain/dispatch.h"
#include "engine/backend/plain/plain_backend.h"
#include "engine/backend/step_gate.h"

namespace amcl {
namespace {

// Copies `count` elements between element offsets of two tensors of one dtype.
void copy_elements(const Tensor& source, int64_t source_offset, Tensor& destination,
                   int64_t destination_offset, int64_t count) {
  const auto size = static_cast<int64_t>(size_of(source.dtype()));
  std::memcpy(static_cast<std::byte*>(destination.raw()) + destination_offset * size,
              static_cast<const std::byte*>(source.raw()) + source_offset * size,
              static_cast<size_t>(count * size));
}

}  // namespace

void PlainBackend::transpose(const Tensor& x, Tensor& y) {
  const int64_t batches = x.rank() == 3 ? x.dim(0) : 1;
  const int64_t rows = x.dim(-2);
  const int64_t columns = x.dim(-1);
  dispatch_floating(x.dtype(), [&]<class T>(T) {
    for (int64_t batch = 0; batch < batches; ++batch) {
      const T* xs = x.data<T>() + batch * rows * columns;
      T* ys = y.data<T>() + batch * rows * columns;
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) ys[j * rows + i] = xs[i * columns + j];
    }
  });
}

void PlainBackend::roll_rows(const Tensor& x, int64_t shift, Tensor& y) {
  const int64_t rows = x.dim(1);
  const int64_t width = x.dim(2);
  for (int64_t batch = 0; batch < x.dim(0); ++batch)
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t target = ((i + shift) % rows + rows) % rows;
      copy_elements(x, (batch * rows + i) * width, y, (batch * rows + target) * width, width);
    }
}

void PlainBackend::gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  const int64_t width = x.dim(1);
  const int32_t* rows = index.data<int32_t>();
  for (int64_t i = 0; i < index.count(); ++i)
    copy_elements(x, rows[i] * width, y, i * width, width);
}

void PlainBackend::scatter_add_rows(const Tensor& dy, const Tensor& index, Tensor& dx) {
  const int64_t width = dx.dim(1);
  const int32_t* rows = index.data<int32_t>();
  dispatch_floating(dy.dtype(), [&]<class T>(T) {
    const T* dys = dy.data<T>();
    T* dxs = dx.data<T>();
    std::fill_n(dxs, dx.count(), T{0});
    for (int64_t i = 0; i < index.count(); ++i)
      for (int64_t j = 0; j < width; ++j) dxs[rows[i] * width + j] += dys[i * width + j];
  });
}

void PlainBackend::copy_2d(const Tensor& source, const Copy2d& extents, Tensor& destination) {
  for (int64_t row = 0; row < extents.rows; ++row)
    copy_elements(source, extents.source_offset + row * extents.source_pitch, destination,
                  extents.destination_offset + row * extents.destination_pitch, extents.width);
}

void PlainBackend::write_ring(const Tensor& rows, const Tensor& nullable_gate, Tensor& ring,
                              Tensor& head) {
  bool open = true;
  if (nullable_gate.defined())
    dispatch_floating(nullable_gate.dtype(),
                      [&]<class T>(T) { open = may_update(nullable_gate.data<T>()[0]); });
  if (!open) return;
  const int64_t count = rows.dim(1);
  const int64_t capacity = ring.dim(1);
  const int64_t width = ring.dim(2);
  int32_t& first = *head.data<int32_t>();
  // In order, so that of more than `capacity` rows the last ones remain.
  for (int64_t batch = 0; batch < ring.dim(0); ++batch)
    for (int64_t i = 0; i < count; ++i)
      copy_elements(rows, (batch * count + i) * width, ring,
                    (batch * capacity + (first + i) % capacity) * width, width);
  first = static_cast<int32_t>((first + count) % capacity);
}

void PlainBackend::rolled_index(int64_t shift, Tensor& index) {
  const int64_t count = index.count();
  int32_t* out = index.data<int32_t>();
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<int32_t>((i + shift) % count);
}

}  // namespace amcl
