// A call on the emulated GPU beside the same call on the plain backend in f64.
#pragma once
#include <doctest/doctest.h>

#include <vector>

#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/cuda_emulation/emulated_backend.h"
#include "tests/support/rng.h"

namespace amcl::test {

// The same values in `dtype` on the emulated GPU and in f64 on the plain backend.
struct Twin {
  Tensor got;
  Tensor want;
};

class EmulatedPair {
 public:
  // Shuffled order of threads by `seed`, from which the values come too.
  EmulatedPair(DType dtype, uint64_t seed) : dtype_(dtype), emulated_(seed + 2), rng_(seed) {}
  ~EmulatedPair() { CHECK(emulated_.guarded().overruns() == 0); }

  Backend& emulated() { return emulated_; }
  DType dtype() const { return dtype_; }

  Twin normal(const Shape& shape) { return twin(rng_.normal(plain(), shape), dtype_); }
  // Statistics, rates and the like keep f32 beside bf16.
  Twin normal_statistic(const Shape& shape) {
    return twin(rng_.normal(plain(), shape), stat_dtype(dtype_));
  }
  Twin positive_statistic(const Shape& shape) {
    return twin(rng_.uniform(plain(), shape, 0.5f, 2.0f), stat_dtype(dtype_));
  }
  Twin statistic(const std::vector<double>& values) {
    return twin(Tensor::from_host<double>(plain(), {static_cast<int64_t>(values.size())}, values),
                stat_dtype(dtype_));
  }
  Twin index(const std::vector<int32_t>& values) {
    const Shape shape{static_cast<int64_t>(values.size())};
    return {Tensor::from_host<int32_t>(emulated_, shape, values),
            Tensor::from_host<int32_t>(plain(), shape, values)};
  }
  Twin empty(const Shape& shape) { return blank(shape, dtype_, DType::f64); }
  Twin empty_statistic(const Shape& shape) { return blank(shape, stat_dtype(dtype_), DType::f64); }
  Twin empty_index(const Shape& shape) { return blank(shape, DType::i32, DType::i32); }
  Twin empty_report(const Shape& shape) { return blank(shape, DType::f32, DType::f32); }

  Twin empty_records(const Shape& shape) { return blank(shape, DType::f64, DType::f64); }

  // call(backend, side) on both; side(twin) is that backend's tensor.
  template <class Call>
  void run(Call&& call) {
    call(
        static_cast<Backend&>(emulated_), [](auto& twin) -> auto& { return twin.got; });
    call(
        plain(), [](auto& twin) -> auto& { return twin.want; });
  }
  // Within what storing in the tensor's type costs.
  void check(const Twin& twin) const {
    CHECK(difference(twin.got, twin.want,
                     twin.got.dtype() == DType::bf16  ? 8e-3
                     : twin.got.dtype() == DType::f32 ? 1e-5
                                                      : 1e-10) == "");
  }

 private:
  Twin twin(const Tensor& values, DType dtype) {
    Twin result;
    result.got =
        Tensor::from_host<double>(emulated_, values.shape(), values.to_host<double>(), dtype);
    // What the conversion left of them.
    result.want = Tensor::from_host<double>(plain(), values.shape(), result.got.to_host<double>());
    return result;
  }
  Twin blank(const Shape& shape, DType dtype, DType plain_dtype) {
    return {Tensor::empty(emulated_, shape, dtype), Tensor::empty(plain(), shape, plain_dtype)};
  }

  DType dtype_;
  emulation::EmulatedBackend emulated_;
  Rng rng_;
};

}  // namespace amcl::test
