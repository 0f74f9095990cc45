// Ops that move elements without arithmetic. Each backward moves the gradient back:
//
//   reshape      y: the same elements in another shape      dx = dy in x's shape (no copy)
//   transpose    y[b,j,i] = x[b,i,j]                        dx = transpose(dy)
//   slice        y = x[.., begin:end, ..] along one axis    dx = dy inside, 0 outside
//   concat       y = parts side by side along one axis      dparts = the slices of dy
//   roll_rows    y[b,(i+shift) mod M] = x[b,i]              dx = roll_rows(dy, -shift)
//   gather_rows  y[i] = x[index[i]]                         dx[index[i]] += dy[i], 0 elsewhere
//
// Nothing but shapes (and the index) is saved.
#include <vector>

#include "engine/backend/backend.h"
#include "engine/ops/checks.h"
#include "engine/ops/ops.h"

namespace amcl {
namespace {

// `axis` counted from the front; throws if x has no such axis.
int checked_axis(const char* op, int axis, const Tensor& x) {
  const int index = axis < 0 ? axis + x.rank() : axis;
  AMCL_CHECK(index >= 0 && index < x.rank(), op, ": there is no axis ", axis, " in x ", x.shape());
  return index;
}

// The part [begin, begin + extent) of `whole` along an axis, as runs of elements: `offset` and
// `pitch` in the whole tensor, `rows` and `width` of the part.
struct Runs {
  int64_t rows = 1;
  int64_t width;
  int64_t offset;
  int64_t pitch;

  Runs(const Shape& whole, int axis, int64_t begin, int64_t extent) {
    int64_t inner = 1;
    for (int i = 0; i < axis; ++i) rows *= whole[i];
    for (int i = axis + 1; i < whole.rank(); ++i) inner *= whole[i];
    width = extent * inner;
    offset = begin * inner;
    pitch = whole[axis] * inner;
  }
};

void copy_out(const Tensor& whole, const Runs& runs, Tensor& part) {
  backend_of(whole).copy_2d(whole,
                            Copy2d{.rows = runs.rows,
                                   .width = runs.width,
                                   .source_offset = runs.offset,
                                   .source_pitch = runs.pitch,
                                   .destination_pitch = runs.width},
                            part);
}

void copy_in(const Tensor& part, const Runs& runs, Tensor& whole) {
  backend_of(whole).copy_2d(part,
                            Copy2d{.rows = runs.rows,
                                   .width = runs.width,
                                   .source_pitch = runs.width,
                                   .destination_offset = runs.offset,
                                   .destination_pitch = runs.pitch},
                            whole);
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  const Tensor y = x.view(shape);  // checks the count
  return tape::record("reshape", {x}, y, [](const Tensor& dy, Grads& grads) { grads.pass(0, dy); });
}

Tensor transpose(const Tensor& x) {
  check_floating("transpose", "x", x);
  AMCL_CHECK(x.rank() == 2 || x.rank() == 3, "transpose: x must be [m, n] or [B, m, n], got ",
             x.shape());
  const Shape y_shape = x.shape().with(-2, x.dim(-1)).with(-1, x.dim(-2));
  Tensor y = Tensor::empty(x.device(), y_shape, x.dtype());
  backend_of(x).transpose(x, y);
  return tape::record("transpose", {x}, y, [](const Tensor& dy, Grads& grads) {
    backend_of(dy).transpose(dy, grads.out(0));
  });
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  const int index = checked_axis("slice", axis, x);
  AMCL_CHECK(0 <= begin && begin < end && end <= x.dim(index), "slice: [", begin, ", ", end,
             ") is not a part of axis ", index, " of x ", x.shape());
  const Runs runs(x.shape(), index, begin, end - begin);
  Tensor y;
  if (index == 0) {
    y = x.slice(begin, end);
  } else {
    y = Tensor::empty(x.device(), x.shape().with(index, end - begin), x.dtype());
    copy_out(x, runs, y);
  }
  return tape::record("slice", {x}, y, [runs](const Tensor& dy, Grads& grads) {
    Tensor& dx = grads.out(0);
    dx.device().fill_zero(dx.raw(), dx.bytes());
    copy_in(dy, runs, dx);
  });
}

Tensor concat(std::span<const Tensor> parts, int axis) {
  AMCL_CHECK(!parts.empty(), "concat: needs at least one part");
  const Tensor& first = parts.front();
  const int index = checked_axis("concat", axis, first);
  int64_t extent = 0;
  for (const Tensor& part : parts) {
    check_same_kind("concat", "the first part", first, "a later part", part);
    AMCL_CHECK(
        part.rank() == first.rank() && part.shape().with(index, first.dim(index)) == first.shape(),
        "concat: parts must agree in all extents but axis ", index, ", got ", first.shape(),
        " and ", part.shape());
    extent += part.dim(index);
  }
  Tensor y = Tensor::empty(first.device(), first.shape().with(index, extent), first.dtype());
  std::vector<Runs> runs;
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    runs.emplace_back(y.shape(), index, begin, part.dim(index));
    copy_in(part, runs.back(), y);
    begin += part.dim(index);
  }
  return tape::record("concat", parts, y, [runs](const Tensor& dy, Grads& grads) {
    for (size_t i = 0; i < runs.size(); ++i) {
      const int part = static_cast<int>(i);
      if (grads.wants(part)) copy_out(dy, runs[i], grads.out(part));
    }
  });
}

Tensor roll_rows(const Tensor& x, int64_t shift) {
  AMCL_CHECK(x.rank() == 3, "roll_rows: x must be [B, M, d], got ", x.shape());
  Tensor y = Tensor::empty_like(x);
  backend_of(x).roll_rows(x, shift, y);
  return tape::record("roll_rows", {x}, y, [shift](const Tensor& dy, Grads& grads) {
    backend_of(dy).roll_rows(dy, -shift, grads.out(0));
  });
}

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  AMCL_CHECK(x.rank() == 2 && index.rank() == 1 && index.dtype() == DType::i32,
             "gather_rows: needs x [n, d] and index [m] i32, got x ", x.shape(), " and index ",
             index.shape(), " ", index.dtype());
  Tensor y = Tensor::empty(x.device(), {index.dim(0), x.dim(1)}, x.dtype());
  backend_of(x).gather_rows(x, index, y);
  return tape::record("gather_rows", {x}, y, [index](const Tensor& dy, Grads& grads) {
    backend_of(dy).scatter_add_rows(dy, index, grads.out(0));
  });
}

}  // namespace amcl
