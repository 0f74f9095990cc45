// Which instruction sets the kernels of this folder are compiled for. Include before
// hwy/foreach_target.h.
//
// Three, chosen at run time by what the CPU has: the compiler's baseline, AVX2 with FMA, and
// AVX-512. The sets between and beyond them (SSSE3, SSE4, AVX-512 with VNNI) would only make the
// build longer: the loops here are f32 multiply-adds bound by registers or by memory.
#pragma once
#include "hwy/detect_targets.h"

#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
