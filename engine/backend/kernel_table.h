// The kernels: everything that a device must be able to compute, one row each. Whoever includes the
// table says what becomes of a row: Backend declares them (backend.h), plain/ defines them all,
// cuda/ and cpu/ do them fast.
//
//   AMCL_KERNEL(name, parameters): a function without a return value; its results are the parameters
//   that are not const. AMCL_PRODUCT: the same of matrix products and convolutions, which a GPU's
//   libraries have; where it is not defined, it is AMCL_KERNEL.
//
// Contract of every kernel
//   - Shapes, dtypes and devices were checked by the op above the seam; kernels check library
//     statuses only.
//   - Outputs are dense, allocated by the caller, hold garbage on entry, and do not overlap inputs
//     (unless stated).
//   - Sums run in an order that depends on shapes and the number of threads only, never on timing.
//   - Floating tensors of one call share a dtype ("stat" outputs have stat_dtype of it) unless
//     stated.
//   - "rows" of [..., n] are its leading extents flattened.
//   - Tensor arguments named `nullable` may be empty handles (Tensor{}).
//
// `plain` (readable loops over f32 and f64) is the definition of every kernel; `cpu` derives
// from it. A kernel of bf16 tensors rounds what the f32 kernel gives (plain/by_way_of_f32.h).

#ifndef AMCL_PRODUCT
#define AMCL_PRODUCT AMCL_KERNEL
#endif

// ---- elementwise ------------------------------------------------------------------------------

AMCL_KERNEL(fill, Tensor& y, double value)
// Between f64, f32, bf16.
AMCL_KERNEL(cast, const Tensor& x, Tensor& y)
// y = scale x + shift
AMCL_KERNEL(affine, const Tensor& x, double scale, double shift, Tensor& y)
// y += x, same shape
AMCL_KERNEL(accumulate, const Tensor& x, Tensor& y)
// y = op(x)
AMCL_KERNEL(unary, UnaryOp op, const Tensor& x, Tensor& y)
// dx = dy * op'(x), y = op(x); relu'(0) = 0. relu, exp, sigmoid and reciprocal read only y, log,
// square, cos and sin only x; callers may pass the one that is read in both places.
AMCL_KERNEL(unary_backward, UnaryOp op, const Tensor& x, const Tensor& y, const Tensor& dy,
            Tensor& dx)
// y = a op b, y shaped as a; b is shaped as a, or one element, or [n] for a [..., n], or
// [B, n] for a [B, M, n].
AMCL_KERNEL(binary, BinaryOp op, const Tensor& a, const Tensor& b, Tensor& y)
// tau and its derivative in the scores r, any shape (spec S3.2, S8.2: from the sigmoid, with
// tau clamped to the range).
AMCL_KERNEL(temperature, const Tensor& r, const TemperatureRange& range, Tensor& tau)
AMCL_KERNEL(temperature_backward, const Tensor& r, const TemperatureRange& range,
            const Tensor& dtau, Tensor& dr)

// ---- reductions -------------------------------------------------------------------------------

// [..., n] -> [...]
AMCL_KERNEL(reduce_rows, Reduction op, const Tensor& x, Tensor& y)
// Over rows: [..., n] -> [n], or [B, M, n] -> [B, n] if y is [B, n].
AMCL_KERNEL(reduce_columns, Reduction op, const Tensor& x, Tensor& y)
// y[r, j] = scale x[r]
AMCL_KERNEL(broadcast_rows, const Tensor& x, double scale, Tensor& y)
// y[r, j] = s[r] x[r, j]
AMCL_KERNEL(scale_rows, const Tensor& x, const Tensor& s, Tensor& y)
// All elements -> [1], f64 inside.
AMCL_KERNEL(sum_of_squares, const Tensor& x, Tensor& y)

// ---- products ---------------------------------------------------------------------------------

// op(a) [m, k], op(b) [k, n], each with an optional leading batch axis; a side without it is
// shared by the batch. c [B, m, n] if a or b has the axis; a c [m, n] then receives the sum over
// the batch.
AMCL_PRODUCT(matmul, const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c)
// x [N, H, W, C], w [K, R, S, C], y [N, P, Q, K]; the two gradients are kernels of their own. dw
// has stat_dtype of x.
AMCL_PRODUCT(conv2d, const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y)
// y = [relu] (conv2d(x, w) + bias [+ residual]): inference, where batch norm is part of w and bias. bias
// [K] (stat), residual shaped as y. Of a sum that is NaN relu may make 0.
AMCL_PRODUCT(conv2d_fused, const Tensor& x, const Tensor& w, const Tensor& bias,
             const Tensor& nullable_residual, const Conv2dSpec& spec, bool relu, Tensor& y)
AMCL_PRODUCT(conv2d_dx, const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx)
AMCL_PRODUCT(conv2d_dw, const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw)

// ---- pooling ----------------------------------------------------------------------------------

// argmax [N, P, Q, C] i32: h * W + w of the window's first maximum (row-major), or of a NaN.
AMCL_KERNEL(max_pool, const Tensor& x, const PoolSpec& spec, Tensor& y, Tensor& argmax)
AMCL_KERNEL(max_pool_backward, const Tensor& dy, const Tensor& argmax, const PoolSpec& spec,
            Tensor& dx)
// [N, H, W, C] -> [N, C]
AMCL_KERNEL(global_average_pool, const Tensor& x, Tensor& y)
AMCL_KERNEL(global_average_pool_backward, const Tensor& dy, Tensor& dx)

// ---- batch norm of x [..., C] -----------------------------------------------------------------

// In two phases each way. mean, variance [G, C] (stat): biased variance of each group's rows.
AMCL_KERNEL(batch_norm_statistics, const Tensor& x, const BatchNormSpec& spec, Tensor& mean,
            Tensor& variance)
// running <- (1 - momentum) running + momentum * statistic, group after group; running_variance
// takes the unbiased variance n / (n - 1), n = rows_per_group. running_* [C].
AMCL_KERNEL(batch_norm_update_running, const Tensor& mean, const Tensor& variance,
            int64_t rows_per_group, double momentum, Tensor& running_mean, Tensor& running_variance)
// y = [relu] (gamma (x - mean) / sqrt(variance + eps) + beta [+ residual]); mean and variance
// are [G, C].
AMCL_KERNEL(batch_norm_apply, const Tensor& x, const Tensor& mean, const Tensor& variance,
            const Tensor& gamma, const Tensor& beta, const Tensor& nullable_residual,
            const BatchNormSpec& spec, Tensor& y)
// With g = dy (where y > 0 if relu): sum_g, sum_g_xhat [G, C] (stat). y is read only if relu.
AMCL_KERNEL(batch_norm_backward_reduce, const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
            const Tensor& mean, const Tensor& variance, const BatchNormSpec& spec, Tensor& sum_g,
            Tensor& sum_g_xhat)
// dx = gamma rstd (g - sum_g / n - xhat sum_g_xhat / n), n rows per group; empty sums: statistics
// were constants and dx = gamma rstd g. nullable_dresidual = g.
AMCL_KERNEL(batch_norm_backward_apply, const Tensor& dy, const Tensor& x, const Tensor& nullable_y,
            const Tensor& mean, const Tensor& variance, const Tensor& gamma,
            const Tensor& nullable_sum_g, const Tensor& nullable_sum_g_xhat,
            const BatchNormSpec& spec, Tensor& dx, Tensor& nullable_dresidual)

// ---- rows of x [..., d] -----------------------------------------------------------------------

// u = x / |x|, norm [...] = |x|; a row with |x| <= epsilon gives u = 0 and gradient 0
// (spec S1.1).
AMCL_KERNEL(l2_normalize, const Tensor& x, double epsilon, Tensor& u, Tensor& norm)
AMCL_KERNEL(l2_normalize_backward, const Tensor& u, const Tensor& norm, double epsilon,
            const Tensor& du, Tensor& dx)
// [..., d], [..., d] -> [...]
AMCL_KERNEL(row_dot, const Tensor& a, const Tensor& b, Tensor& y)
// [..., n] -> [...]
AMCL_KERNEL(log_sum_exp, const Tensor& x, Tensor& y)
// dx = dy softmax(x), y = log_sum_exp(x)
AMCL_KERNEL(log_sum_exp_backward, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx)
AMCL_KERNEL(log_softmax, const Tensor& x, Tensor& y)
AMCL_KERNEL(log_softmax_backward, const Tensor& y, const Tensor& dy, Tensor& dx)
// loss[r] = -log softmax(x[r])[target[r]]; x [rows, n], target [rows] i32.
AMCL_KERNEL(cross_entropy, const Tensor& x, const Tensor& target, Tensor& loss)
AMCL_KERNEL(cross_entropy_backward, const Tensor& x, const Tensor& target, const Tensor& dloss,
            Tensor& dx)
// xs = (x - mean) / sqrt(var + epsilon) per column of x [C, N, d], var with divisor N - ddof
// (spec S2.4); rstd [C, d].
AMCL_KERNEL(standardize_columns, const Tensor& x, int64_t ddof, double epsilon, Tensor& xs,
            Tensor& rstd)
AMCL_KERNEL(standardize_columns_backward, const Tensor& xs, const Tensor& rstd, int64_t ddof,
            const Tensor& dxs, Tensor& dx)

// ---- moving data ------------------------------------------------------------------------------

// The last two axes, with an optional batch axis before them.
AMCL_KERNEL(transpose, const Tensor& x, Tensor& y)
// y[b, (i + shift) mod M] = x[b, i] for x [B, M, d].
AMCL_KERNEL(roll_rows, const Tensor& x, int64_t shift, Tensor& y)
// y[i] = x[index[i]]: [n, d], [m] i32 -> [m, d]
AMCL_KERNEL(gather_rows, const Tensor& x, const Tensor& index, Tensor& y)
// dx[r] = the sum of dy[i] over index[i] = r: [m, d], [m] i32 -> [n, d]
AMCL_KERNEL(scatter_add_rows, const Tensor& dy, const Tensor& index, Tensor& dx)
// Runs of elements at a pitch of their own on either side.
AMCL_KERNEL(copy_2d, const Tensor& source, const Copy2d& extents, Tensor& destination)
// ring[c, (head + i) mod K] = rows[c, i]; ring [C, K, d], rows [C, N, d] (the last K if N > K),
// head [1] i32, advanced to (head + N) mod K. Where gate [1] is not a number nothing changes.
AMCL_KERNEL(write_ring, const Tensor& rows, const Tensor& nullable_gate, Tensor& ring, Tensor& head)
// index[i] = (i + shift) mod n of index [n] i32, 0 <= shift.
AMCL_KERNEL(rolled_index, int64_t shift, Tensor& index)

// ---- pairs: anchors [C, A, .], candidates [C, B, .] -------------------------------------------

// r[c,i,j] = w2 . relu(a[c,i] + b[c,j]) + b2;
// a [C, A, h], b [C, B, h], w2 [1 or C, h], b2 [1 or C]  (spec S3.1).
AMCL_KERNEL(concat_scores, const Tensor& a, const Tensor& b, const Tensor& w2, const Tensor& b2,
            Tensor& r)
AMCL_KERNEL(concat_scores_backward, const Tensor& a, const Tensor& b, const Tensor& w2,
            const Tensor& dr, Tensor& da, Tensor& db, Tensor& dw2, Tensor& db2)
// Loss of PairLossSpec: similarity s [C, A, B], score r [C, A, B] (empty if not adaptive),
// positive [A] i32. loss [C, A]; lse [C, A]: log-sum-exp of the row (reducer lse only, else
// garbage); records [C, A, kPairRecord] f64.
AMCL_KERNEL(pair_loss, const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
            const PairLossSpec& spec, Tensor& loss, Tensor& lse, Tensor& records)
AMCL_KERNEL(pair_loss_backward, const Tensor& s, const Tensor& nullable_r, const Tensor& positive,
            const PairLossSpec& spec, const Tensor& lse, const Tensor& dloss, Tensor& ds,
            Tensor& nullable_dr)
// statistics [C, kPairStatistics] f32 of the pairs of all anchors.
AMCL_KERNEL(pair_statistics, const Tensor& records, const PairLossSpec& spec, Tensor& statistics)
// The same of pairs with similarities s and temperatures tau [C, n]; of s_all and tau_all [C, m],
// which hold these pairs and the negatives, or are empty: what concerns negatives is NaN then. The
// share at a bound is that of the n. Values are rounded to f32 first.
AMCL_KERNEL(pair_value_statistics, const Tensor& s, const Tensor& tau, const Tensor& nullable_s_all,
            const Tensor& nullable_tau_all, const TemperatureRange& range, Tensor& statistics)

// ---- optimisers, over flat parameter memory ---------------------------------------------------

// Moves the elements of the segments by one step of the rule (optimizer_rules.h), which has as many
// memories, each [n] as gradient and value. rate, gradient_scale and step are [1] stat tensors; step
// counts from 1. Where gradient_scale is not a number nothing changes.
AMCL_KERNEL(optimizer_step, const OptimizerRule& rule, std::span<const OptimizerSegment> segments,
            const Tensor& rate, const Tensor& gradient_scale, const Tensor& step,
            const Tensor& gradient, Tensor& value, std::span<Tensor> memories)
// scale [1] = min(1, limit / (sqrt(squares[0]) + 1e-6)), where squares [1] and loss [1] are finite;
// else NaN, and so from then on: scale is read too.
AMCL_KERNEL(clip_scale, const Tensor& squares, const Tensor& loss, double limit, Tensor& scale)
// shadow = weights[0] shadow + weights[1] value; weights [2] as value, on the device, where a recorded
// step reads what the host has written since.
AMCL_KERNEL(moving_average, const Tensor& value, const Tensor& weights, Tensor& shadow)

// ---- images -----------------------------------------------------------------------------------

// views[v] of images u8 [n, H, W, 3] -> y f32 [v, h, w, 3]. May be called from several threads at
// once for disjoint outputs; uses the calling thread only.
AMCL_KERNEL(augment, const Tensor& images, std::span<const ViewParameters> views,
            const ImageNormalization& normalization, Tensor& y)
// The same where the views of many steps lie in the device's memory: views u8 [steps, v,
// sizeof(ViewParameters)], of which step[0] is made; then step [1] i32 becomes (step + 1) mod steps.
// Reads nothing on the host that changes from step to step, so that it can be recorded.
AMCL_KERNEL(augment_next, const Tensor& images, const Tensor& views,
            const ImageNormalization& normalization, Tensor& step, Tensor& y)

#undef AMCL_KERNEL
#undef AMCL_PRODUCT
