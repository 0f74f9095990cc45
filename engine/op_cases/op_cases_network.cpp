// Cases of conv2d.cpp, pool.cpp and batch_norm.cpp.
#include "engine/op_cases/op_case_builder.h"

namespace amcl {
namespace {

struct Window {
  Shape x;
  Shape w;
  Conv2dSpec spec;
  bool gradcheck = true;
};

// A batch norm over x as the table lists it.
struct Norm {
  Shape x;
  BatchNormSpec spec;
  Phase phase;
  bool residual;
  bool stacked = false;  // x [heads, M, C]
};

Tensor normalize(const Norm& norm, Inputs in) {
  // Statistics start fresh on every call, so that repeated calls agree.
  RunningStatistics running{.mean = Tensor::empty_like(in[1]),
                            .variance = Tensor::empty_like(in[1])};
  backend_of(in[1]).fill(running.mean, 0.25);
  backend_of(in[1]).fill(running.variance, 1.5);
  return batch_norm(in[0], in[1], in[2], running, norm.phase, norm.spec,
                    norm.residual ? in[3] : Tensor{});
}

OpCase batch_norm_case(const Norm& norm, InputRandom& random) {
  const Shape per_channel = norm.stacked ? Shape{norm.x[0], norm.x.back()} : Shape{norm.x.back()};
  OpCase result{.op = "batch_norm",
                .detail = concat_text(
                    "x ", norm.x, ", groups ", norm.spec.groups, norm.spec.relu ? ", relu" : "",
                    norm.residual ? ", residual" : "", norm.phase == Phase::eval ? ", eval" : "",
                    norm.stacked ? ", heads" : ""),
                .inputs = {random.normal(norm.x), random.uniform(per_channel, 0.5f, 1.5f),
                           random.normal(per_channel)},
                .function = [norm](Inputs in) { return normalize(norm, in); }};
  if (norm.residual) result.inputs.push_back(random.normal(norm.x));
  // Of two values per channel xhat is +-1 whatever x is: dx is the small rest of a cancellation,
  // times an rstd that is large where the two lie close.
  if (norm.x.rows() / norm.spec.groups <= 2) {
    result.tolerance = 1e-4;
    result.floor = 1.0;
  }
  return result;
}

}  // namespace

void add_conv2d_cases(std::vector<OpCase>& cases) {
  InputRandom random(5);
  for (const Window& window : {
           Window{{2, 1, 1, 1}, {1, 1, 1, 1}, {}},
           Window{{2, 1, 1, 5}, {3, 3, 3, 5}, {.padding = 1}},
           Window{{2, 1, 1, 33}, {7, 3, 3, 33}, {.stride = 2, .padding = 1}},
           Window{{2, 5, 7, 3}, {4, 3, 3, 3}, {.padding = 1}},
           Window{{2, 5, 7, 3}, {4, 3, 3, 3}, {}},
           Window{{2, 6, 5, 4}, {5, 3, 3, 4}, {.stride = 2, .padding = 1}},
           Window{{1, 7, 4, 33}, {17, 3, 3, 33}, {.stride = 2, .padding = 1}},
           Window{{2, 6, 5, 33}, {7, 1, 1, 33}, {.stride = 2}},
           Window{{2, 5, 3, 16}, {8, 1, 1, 16}, {}},
           Window{{2, 11, 9, 3}, {8, 7, 7, 3}, {.stride = 2, .padding = 3}},
           Window{{1, 4, 5, 2}, {3, 2, 2, 2}, {.stride = 2}},
           Window{{1, 5, 6, 2}, {3, 1, 3, 2}, {.padding = 1}},
           Window{{1, 3, 3, 2}, {3, 3, 3, 2}, {.padding = 2}},
           Window{{1, 5, 5, 1}, {1, 3, 3, 1}, {.stride = 3}},
           // Layers of the networks, where the fast kernels block by 8 and 16 channels.
           Window{{2, 8, 8, 64}, {64, 3, 3, 64}, {.padding = 1}, false},
           Window{{2, 9, 8, 32}, {64, 3, 3, 32}, {.stride = 2, .padding = 1}, false},
           Window{{2, 8, 8, 64}, {128, 1, 1, 64}, {.stride = 2}, false},
           Window{{3, 16, 15, 3}, {64, 3, 3, 3}, {.padding = 1}, false},
           Window{{1, 33, 32, 3}, {64, 7, 7, 3}, {.stride = 2, .padding = 3}, false},
       })
    cases.push_back(
        {.op = "conv2d",
         .detail = concat_text("x ", window.x, ", w ", window.w, ", stride ", window.spec.stride,
                               ", padding ", window.spec.padding),
         .inputs = {random.normal(window.x), random.normal(window.w)},
         .function = [spec = window.spec](Inputs in) { return conv2d(in[0], in[1], spec); },
         .gradcheck = window.gradcheck,
         .tolerance = kConvTolerance});
  for (const bool adds : {false, true})
    for (const bool relu : {false, true})
      for (const Window& window : {Window{{2, 6, 5, 33}, {7, 1, 1, 33}, {.stride = 2}},
                                   Window{{2, 8, 7, 16}, {24, 3, 3, 16}, {.padding = 1}}}) {
        const int64_t filters = window.w[0];
        const Shape y{window.x[0], window.spec.stride == 2 ? 3 : 8, window.spec.stride == 2 ? 3 : 7,
                      filters};
        cases.push_back({.op = "conv2d_fused",
                         .detail = concat_text("x ", window.x, ", w ", window.w, ", residual ",
                                               adds, ", relu ", relu),
                         .inputs = {random.normal(window.x), random.normal(window.w),
                                    random.normal({filters}), random.normal(y)},
                         .function =
                             [spec = window.spec, adds, relu](Inputs in) {
                               return conv2d_fused(in[0], in[1], in[2], adds ? in[3] : Tensor{},
                                                   spec, relu);
                             },
                         .differentiable = false,
                         .gradcheck = false,
                         .tolerance = kConvTolerance});
      }
}

void add_pool_cases(std::vector<OpCase>& cases) {
  InputRandom random(6);
  struct Pooling {
    Shape x;
    PoolSpec spec;
  };
  for (const Pooling& pooling :
       {Pooling{{2, 4, 6, 3}, {}}, Pooling{{2, 7, 5, 33}, {.kernel = 3, .stride = 2, .padding = 1}},
        Pooling{{1, 4, 4, 2}, {.kernel = 3, .stride = 1, .padding = 1}},
        Pooling{{2, 1, 1, 1}, {.kernel = 1, .stride = 1}},
        Pooling{{2, 1, 1, 5}, {.kernel = 3, .stride = 2, .padding = 1}},
        Pooling{{1, 7, 6, 1}, {.kernel = 2, .stride = 3, .padding = 1}}})
    cases.push_back(
        {.op = "max_pool",
         .detail = concat_text("x ", pooling.x, ", kernel ", pooling.spec.kernel, ", stride ",
                               pooling.spec.stride, ", padding ", pooling.spec.padding),
         .inputs = {random.normal(pooling.x)},
         .function = [spec = pooling.spec](Inputs in) { return max_pool(in[0], spec); }});
  cases.push_back(
      {.op = "max_pool",
       .detail = "equal values: the first one takes the gradient",
       .inputs = {{{1, 2, 4, 1}, {0, 0, 0, 1, 0, 0, 1, 1}}},
       .function = [](Inputs in) { return max_pool(in[0], {.kernel = 2, .stride = 2}); },
       .gradcheck = false});
  for (const Shape& shape : {Shape{2, 1, 1, 5}, Shape{3, 4, 7, 33}, Shape{1, 5, 5, 1}})
    cases.push_back({.op = "global_average_pool",
                     .detail = concat_text("x ", shape),
                     .inputs = {random.normal(shape)},
                     .function = [](Inputs in) { return global_average_pool(in[0]); }});
}

void add_batch_norm_cases(std::vector<OpCase>& cases) {
  InputRandom random(7);
  for (const Shape& x : {Shape{2, 1}, Shape{6, 33}, Shape{4, 3, 5}, Shape{4, 3, 5, 33},
                         Shape{2, 2, 1, 1}, Shape{4, 1, 1, 8}})
    for (const int64_t groups : {1, 2}) {
      if (x.rows() / groups < 2) continue;
      for (const bool relu : {false, true})
        for (const bool residual : {false, true})
          cases.push_back(batch_norm_case(
              {x, {.groups = groups, .relu = relu}, Phase::train, residual}, random));
    }
  for (const bool relu : {false, true})
    for (const bool residual : {false, true})
      cases.push_back(batch_norm_case(
          // Groups have no meaning here; that three entries make no two is no error.
          {{3, 5, 33}, {.groups = 2, .relu = relu}, Phase::eval, residual}, random));
  cases.push_back(batch_norm_case({{1, 7}, {}, Phase::eval, false}, random));
  for (const bool relu : {false, true})
    for (const Phase phase : {Phase::train, Phase::eval})
      cases.push_back(batch_norm_case(
          {{3, 8, 33}, {.groups = 2, .relu = relu}, phase, /*residual=*/relu, /*stacked=*/true},
          random));

  for (const int64_t groups : {1, 2}) {
    OpCase running = batch_norm_case({{4, 5, 33}, {.groups = groups}, Phase::train, false}, random);
    running.detail += ", the running statistics";
    running.function = [groups](Inputs in) {
      RunningStatistics statistics{
          .mean = Tensor::zeros(in[1].device(), in[1].shape(), in[1].dtype()),
          .variance = Tensor::zeros(in[1].device(), in[1].shape(), in[1].dtype()),
          .momentum = 0.3};
      batch_norm(in[0], in[1], in[2], statistics, Phase::train, {.groups = groups});
      return concat(std::vector{statistics.mean, statistics.variance}, 0);
    };
    running.differentiable = false;
    cases.push_back(std::move(running));
  }
}

}  // namespace amcl
