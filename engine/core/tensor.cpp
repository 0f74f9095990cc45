#include "engine/core/tensor.h"

#include <cstring>

#include "engine/core/device.h"

namespace amcl {

struct Tensor::Storage {
  Storage(Device& owner, size_t size)
      : device(owner), bytes(size), block(owner.allocator().allocate(size)) {}
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() { device.allocator().release(block, bytes); }

  Device& device;
  size_t bytes;
  void* block;
};

Tensor Tensor::empty(Device& device, const Shape& shape, DType dtype) {
  Tensor result;
  result.shape_ = shape;
  result.dtype_ = dtype;
  result.storage_ =
      std::make_shared<Storage>(device, static_cast<size_t>(shape.count()) * size_of(dtype));
  return result;
}

Tensor Tensor::empty_like(const Tensor& other) {
  return empty(other.device(), other.shape(), other.dtype());
}

Tensor Tensor::zeros(Device& device, const Shape& shape, DType dtype) {
  Tensor result = empty(device, shape, dtype);
  device.fill_zero(result.raw(), result.bytes());
  return result;
}

namespace {

template <class From, class To>
To convert(From value) {
  if constexpr (std::is_same_v<From, bf16>) {
    return convert<float, To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bf16>) {
    return bf16(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

template <class From, class To>
std::vector<To> convert_all(std::span<const From> values) {
  std::vector<To> result;
  result.reserve(values.size());
  for (const From value : values) result.push_back(convert<From, To>(value));
  return result;
}

template <class From, class To>
void upload(Tensor& result, std::span<const From> values) {
  const std::vector<To> converted = convert_all<From, To>(values);
  result.device().copy_from_host(result.raw(), converted.data(), result.bytes());
}

}  // namespace

template <class T>
Tensor Tensor::from_host(Device& device, const Shape& shape, std::span<const T> values,
                         DType dtype) {
  Tensor result = empty(device, shape, dtype);
  result.assign(values);
  return result;
}

template <class T>
void Tensor::assign(std::span<const T> values) {
  AMCL_CHECK(static_cast<int64_t>(values.size()) == count(), "tensor: ", values.size(),
             " values for shape ", shape_);
  switch (dtype_) {
    case DType::f64:
      return upload<T, double>(*this, values);
    case DType::f32:
      return upload<T, float>(*this, values);
    case DType::bf16:
      return upload<T, bf16>(*this, values);
    case DType::i32:
      return upload<T, int32_t>(*this, values);
    case DType::u8:
      return upload<T, uint8_t>(*this, values);
  }
}

template <class T>
std::vector<T> Tensor::to_host() const {
  const auto n = static_cast<size_t>(count());
  const auto download = [&]<class From>(From) {
    std::vector<From> raw_values(n);
    device().copy_to_host(raw_values.data(), raw(), bytes());
    return convert_all<From, T>(raw_values);
  };
  switch (dtype_) {
    case DType::f64:
      return download(double{});
    case DType::f32:
      return download(float{});
    case DType::bf16:
      return download(bf16{});
    case DType::i32:
      return download(int32_t{});
    case DType::u8:
      return download(uint8_t{});
  }
  return {};
}

double Tensor::item() const {
  AMCL_CHECK(count() == 1, "tensor: item() needs one element, the shape is ", shape_);
  return to_host<double>().front();
}

Device& Tensor::device() const {
  AMCL_CHECK(defined(), "tensor: used before it was given a value");
  return storage_->device;
}

void* Tensor::raw() {
  AMCL_CHECK(defined(), "tensor: used before it was given a value");
  return static_cast<std::byte*>(storage_->block) + offset_;
}

const void* Tensor::raw() const {
  AMCL_CHECK(defined(), "tensor: used before it was given a value");
  return static_cast<const std::byte*>(storage_->block) + offset_;
}

Tensor Tensor::view(const Shape& shape) const {
  AMCL_CHECK(shape.count() == count(), "reshape: ", shape_, " has ", count(), " elements, ", shape,
             " needs ", shape.count());
  Tensor result = *this;
  if (shape != shape_) result.slot_ = {};
  result.shape_ = shape;
  return result;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  AMCL_CHECK(rank() >= 1 && 0 <= begin && begin <= end && end <= dim(0), "slice: rows ", begin,
             " to ", end, " of a tensor ", shape_);
  Tensor result = *this;
  result.shape_ = shape_.with(0, end - begin);
  const size_t row_bytes = dim(0) == 0 ? 0 : bytes() / static_cast<size_t>(dim(0));
  result.offset_ += static_cast<size_t>(begin) * row_bytes;
  result.slot_ = {};
  return result;
}

void Tensor::check_dtype(DType wanted) const {
  AMCL_CHECK(dtype_ == wanted, "tensor: elements are ", dtype_, ", read as ", wanted);
}

#define AMCL_INSTANTIATE(T)                                                               \
  template Tensor Tensor::from_host<T>(Device&, const Shape&, std::span<const T>, DType); \
  template void Tensor::assign<T>(std::span<const T>);                                    \
  template std::vector<T> Tensor::to_host<T>() const;
AMCL_INSTANTIATE(double)
AMCL_INSTANTIATE(float)
AMCL_INSTANTIATE(bf16)
AMCL_INSTANTIATE(int32_t)
AMCL_INSTANTIATE(uint8_t)
#undef AMCL_INSTANTIATE

}  // namespace amcl
