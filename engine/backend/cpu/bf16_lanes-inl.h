// f32 lanes from and to memory that holds f32 or bf16.
//
// No include guard in the usual sense: hwy/foreach_target.h includes this once per target.
#include <cstdint>

#include "engine/core/dtype.h"
#include "hwy/highway.h"

#if defined(AMCL_CPU_BF16_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef AMCL_CPU_BF16_LANES_INL_H
#undef AMCL_CPU_BF16_LANES_INL_H
#else
#define AMCL_CPU_BF16_LANES_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace amcl {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> Load32(D d, const float* p) {
  return hn::LoadU(d, p);
}

template <class D>
HWY_INLINE hn::Vec<D> Load32(D d, const bf16* p) {
  const hn::Rebind<uint16_t, D> half;
  const hn::RebindToUnsigned<D> bits;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(half, &p->bits))));
}

template <class D>
HWY_INLINE void Store32(hn::Vec<D> v, D d, float* p) {
  hn::StoreU(v, d, p);
}

// Rounds as the constructor of bf16 does.
template <class D>
HWY_INLINE void Store32(hn::Vec<D> v, D /*d*/, bf16* p) {
  const hn::Rebind<uint16_t, D> half;
  const hn::RebindToUnsigned<D> unsigned_tag;
  const hn::RebindToSigned<D> signed_tag;
  const auto bits = hn::BitCast(unsigned_tag, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(upper, hn::Set(unsigned_tag, 1u));
  const auto rounded =
      hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(unsigned_tag, 0x7fffu))));
  const auto quiet = hn::Or(upper, hn::Set(unsigned_tag, 0x40u));
  const auto chosen = hn::IfThenElse(hn::RebindMask(unsigned_tag, hn::IsNaN(v)), quiet, rounded);
  hn::StoreU(hn::DemoteTo(half, hn::BitCast(signed_tag, chosen)), half, &p->bits);
}

}  // namespace HWY_NAMESPACE
}  // namespace amcl
HWY_AFTER_NAMESPACE();

#endif
