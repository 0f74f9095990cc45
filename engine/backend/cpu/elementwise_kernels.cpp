#include "engine/backend/cpu/elementwise_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/backend/cpu/elementwise_kernels.cpp"
#include "engine/backend/cpu/highway_targets.h"

#include "hwy/foreach_target.h"

#include "engine/backend/cpu/bf16_lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Accumulate(const bf16* HWY_RESTRICT x, int64_t count, bf16* HWY_RESTRICT y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    Store32(hn::Add(Load32(d, y + i), Load32(d, x + i)), d, y + i);
  for (; i < count; ++i) y[i] = bf16(static_cast<float>(y[i]) + static_cast<float>(x[i]));
}

void Round(const float* HWY_RESTRICT x, int64_t count, bf16* HWY_RESTRICT y) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) Store32(hn::LoadU(d, x + i), d, y + i);
  for (; i < count; ++i) y[i] = bf16(x[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace amcl {

HWY_EXPORT(Accumulate);
HWY_EXPORT(Round);

void accumulate_bf16(const bf16* x, int64_t count, bf16* y) {
  HWY_DYNAMIC_DISPATCH(Accumulate)(x, count, y);
}

void round_to_bf16(const float* x, int64_t count, bf16* y) {
  HWY_DYNAMIC_DISPATCH(Round)(x, count, y);
}

}  // namespace amcl
#endif  // HWY_ONCE
