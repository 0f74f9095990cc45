// A term that keeps projection heads from becoming alike.
#pragma once
#include "engine/core/tensor.h"

namespace amcl {

// The mean over the pairs of heads of ||Cr||_F^2 / d, with Cr [d, d] how the features of one head
// correlate with those of the other over the rows of z [C, M, d], as [1]: 1 for equal heads of
// uncorrelated features. ||Cr||_F^2 is the inner product of the heads' matrices of similarities between
// standardised rows, which is linear CKA without its norms (Kornblith, Norouzi, Lee, Hinton, ICML 2019).
// Throws Error(usage) unless C >= 2 and M >= 2.
Tensor head_decorrelation(const Tensor& z);

}  // namespace amcl
