// Pair kernels of the seam (kernels/pair_loss.cuh, pair_values.cuh, concat_scores.cuh).
#include "engine/backend/cuda/dispatch.h"
#include "engine/backend/cuda/kernels/concat_scores.cuh"
#include "engine/backend/cuda/kernels/pair_loss.cuh"
#include "engine/backend/cuda/kernels/pair_values.cuh"
#include "engine/backend/cuda/own_kernels.h"

namespace amcl::cuda {
namespace {

template <class T>
PairCall<T> call_of(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                    const PairLossSpec& spec) {
  return {s.data<T>(),
          spec.adaptive ? nullable_r.data<T>() : nullptr,
          positive.data<int32_t>(),
          s.dim(0) * s.dim(1),
          s.dim(1),
          s.dim(2),
          spec,
          PairLossFormulas<T>(spec)};
}

// A warp per row.
LaunchShape shape_of_rows(int64_t rows) {
  constexpr int64_t kRows = kBlockThreads / kWarpThreads;
  return {.grid_x = static_cast<unsigned>((rows + kRows - 1) / kRows), .block_x = kBlockThreads};
}

unsigned tiles(int64_t extent, int tile) {
  return static_cast<unsigned>((extent + tile - 1) / tile);
}

ConcatExtents extents_of(const Tensor& a, const Tensor& b, const Tensor& w2) {
  return {a.dim(1), b.dim(1), a.dim(2), w2.dim(0) == 1};
}

}  // namespace

void OwnKernels::pair_loss(const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
                           const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records) {
  dispatch_arithmetic(s.dtype(), [&]<class T>(T) {
    const PairCall<T> call = call_of<T>(s, nullable_r, positive, spec);
    launch("pair_loss", shape_of_rows(call.rows), stream(), &pair_loss_kernel<T>, call,
           loss.data<T>(), lse.data<T>(), records.data<double>());
  });
}

void OwnKernels::pair_statistics(const Tensor& records, const PairLossSpec& spec,
                                 Tensor& statistics) {
  launch("pair_statistics",
         {.grid_x = static_cast<unsigned>(records.dim(0)), .block_x = kWarpThreads}, stream(),
         &pair_statistics_kernel, records.dim(1), spec.adaptive, spec.temperature,
         records.data<double>(), statistics.data<float>());
}

void OwnKernels::pair_value_statistics(const Tensor& s, const Tensor& tau,
                                       const Tensor& nullable_s_all, const Tensor& nullable_tau_all,
                                       const TemperatureRange& range, Tensor& statistics) {
  dispatch_arithmetic(s.dtype(), [&]<class T>(T) {
    const auto records_of = [&](const Tensor& values, const Tensor& temperatures, bool positives) {
      if (!values.defined()) return Tensor::empty(*this, {s.dim(0), 0, kPairRecord}, DType::f64);
      const PairValueRows<T> pairs{values.data<T>(), temperatures.data<T>(),
                                   values.count() / s.dim(0)};
      Tensor records = Tensor::empty(*this, {s.dim(0), pairs.parts(), kPairRecord}, DType::f64);
      launch("pair_value_statistics",
             {.grid_x = static_cast<unsigned>(pairs.parts()),
              .grid_y = static_cast<unsigned>(s.dim(0)),
              .block_x = kWarpThreads},
             stream(), &pair_value_records_kernel<T>, pairs, positives, TemperatureBounds(range),
             records.data<double>());
      return records;
    };
    const Tensor of_positives = records_of(s, tau, true);
    const Tensor of_all = records_of(nullable_s_all, nullable_tau_all, false);
    launch("pair_value_statistics",
           {.grid_x = static_cast<unsigned>(s.dim(0)), .block_x = kWarpThreads}, stream(),
           &pair_value_statistics_kernel, of_positives.data<double>(), of_positives.dim(1),
           of_all.data<double>(), of_all.dim(1), statistics.data<float>());
  });
}

void OwnKernels::pair_loss_backward(const Tensor& s, const Tensor& nullable_r,
                                    const Tensor& positive, const PairLossSpec& spec,
                                    const Tensor& lse, const Tensor& dloss, Tensor& ds,
                                    Tensor& nullable_dr) {
  dispatch_arithmetic(s.dtype(), [&]<class T>(T) {
    const PairCall<T> call = call_of<T>(s, nullable_r, positive, spec);
    launch("pair_loss_backward", shape_of_rows(call.rows), stream(), &pair_loss_backward_kernel<T>,
           call, lse.data<T>(), dloss.data<T>(), ds.data<T>(),
           nullable_dr.defined() ? nullable_dr.data<T>() : nullptr);
  });
}

void OwnKernels::concat_scores(const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
                               Tensor& r) {
  dispatch_arithmetic(a.dtype(), [&]<class T>(T) {
    launch("concat_scores",
           {.grid_x = tiles(b.dim(1), kScoreTile),
            .grid_y = tiles(a.dim(1), kScoreTile),
            .grid_z = static_cast<unsigned>(a.dim(0)),
            .block_x = kScoreSide,
            .block_y = kScoreSide},
           stream(), &concat_scores_kernel<T>, extents_of(a, b, w2), a.data<T>(), b.data<T>(),
           w2.data<T>(), b2.data<T>(), r.data<T>());
  });
}

void OwnKernels::concat_scores_backward(const Tensor& a, const Tensor& b, const Tensor& w2,
                                        const Tensor& dr, Tensor& da, Tensor& db, Tensor& dw2,
                                        Tensor& db2) {
  const ConcatExtents extents = extents_of(a, b, w2);
  const int64_t sets = w2.dim(0);
  const int64_t rows = a.dim(0) * a.dim(1) / sets;
  Tensor units = Tensor::empty(*this, a.shape(), a.dtype());
  dispatch_arithmetic(a.dtype(), [&]<class T>(T) {
    const auto shape = [&](const Tensor& own) {
      return LaunchShape{.grid_x = tiles(own.dim(1), kGradientTile),
                         .grid_y = tiles(own.dim(2), kGradientTile),
                         .grid_z = static_cast<unsigned>(own.dim(0)),
                         .block_x = kGradientTile,
                         .block_y = kGradientRows};
    };
    launch("concat_scores_backward", shape(a), stream(), &concat_gradient_kernel<false, T>, extents,
           a.data<T>(), b.data<T>(), w2.data<T>(), dr.data<T>(), da.data<T>(), units.data<T>());
    launch("concat_scores_backward", shape(b), stream(), &concat_gradient_kernel<true, T>, extents,
           b.data<T>(), a.data<T>(), w2.data<T>(), dr.data<T>(), db.data<T>(),
           static_cast<T*>(nullptr));
  });
  reduce_columns(Reduction::sum, units.view({sets, rows, a.dim(2)}), dw2);
  Tensor by_candidate = Tensor::empty(*this, {sets, b.dim(1)}, a.dtype());
  reduce_columns(Reduction::sum, dr.view({sets, rows, b.dim(1)}), by_candidate);
  reduce_rows(Reduction::sum, by_candidate, db2);
}

}  // namespace amcl::cuda
