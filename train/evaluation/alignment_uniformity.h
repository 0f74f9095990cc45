// How close two views of an image lie and how evenly images fill the sphere (Wang, Isola,
// "Understanding contrastive representation learning through alignment and uniformity on the
// hypersphere", ICML 2020): what can be said of features without labels.
#pragma once
#include "engine/core/tensor.h"

namespace amcl {

// a, b [n, D]: rows of the same place are views of the same image; rows are normalised here.
// Mean of |a_i - b_i|^2: 0 where the views agree.
double alignment(const Tensor& a, const Tensor& b);
// log of the mean of exp(-2 |x_i - x_j|^2) over the pairs i < j of x [n, D], n >= 2: 0 where all
// rows agree, about -4 where they fill the sphere of a high dimension.
double uniformity(const Tensor& x);

}  // namespace amcl
