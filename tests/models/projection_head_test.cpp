#include "models/projection_head.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "tests/support/rng.h"

namespace amcl {
namespace {

std::vector<std::string> names_of(ProjectionHead& head) {
  std::vector<std::string> names;
  head.visit("p", {.parameter = [&](const std::string& name, Parameter&) { names.push_back(name); },
                   .buffer = [&](const std::string& name, Tensor&) { names.push_back(name); }});
  return names;
}

ProjectionHead make(Backend& backend, const ProjectionHeadOptions& options) {
  Initializer initializer(backend, 1);
  return {initializer, 6, options};
}

using Names = std::vector<std::string>;

TEST_CASE("projection_head: layers are numbered as in torch.nn.Sequential") {
  const auto backend = open_backend("plain");
  ProjectionHead plain = make(*backend, {.dim = 3});
  CHECK(names_of(plain) == Names{"p.*.0.weight", "p.*.0.bias", "p.*.2.weight", "p.*.2.bias"});
  ProjectionHead one = make(*backend, {.layers = 1, .dim = 3});
  CHECK(names_of(one) == Names{"p.*.0.weight", "p.*.0.bias"});
  ProjectionHead hidden = make(*backend, {.dim = 3, .norm = HeadNorm::hidden});
  CHECK(names_of(hidden) == Names{"p.*.0.weight", "p.*.1.weight", "p.*.1.bias",
                                  "p.*.1.running_mean", "p.*.1.running_var", "p.*.3.weight",
                                  "p.*.3.bias"});
  ProjectionHead all = make(*backend, {.layers = 1, .dim = 3, .norm = HeadNorm::all});
  CHECK(names_of(all) == Names{"p.*.0.weight", "p.*.1.weight", "p.*.1.bias", "p.*.1.running_mean",
                               "p.*.1.running_var"});
  ProjectionHead fixed = make(*backend, {.layers = 1, .dim = 3, .norm = HeadNorm::all_fixed});
  CHECK(names_of(fixed) == Names{"p.*.0.weight", "p.*.1.running_mean", "p.*.1.running_var"});
}

TEST_CASE("projection_head: heads with batch norm are as one head each") {
  const auto backend = open_backend("plain");
  const Tensor x = test::Rng(2).normal(*backend, Shape{8, 6}, DType::f32);
  const ForwardContext context{.batch_norm_groups = 2};
  ProjectionHeadOptions options{
      .heads = 2, .layers = 3, .hidden = 5, .dim = 3, .norm = HeadNorm::all};
  ProjectionHead both = make(*backend, options);
  const Tensor z = both.forward(x, context);
  REQUIRE(z.shape() == Shape{2, 8, 3});
  std::vector<Tensor> of_both;
  both.visit("",
             {.parameter = [&](const std::string&, Parameter& p) { of_both.push_back(p.value); },
              .buffer = [&](const std::string&, Tensor& b) { of_both.push_back(b); }});
  options.heads = 1;
  for (int64_t head = 0; head < 2; ++head) {
    ProjectionHead alone = make(*backend, options);
    auto value = of_both.begin();
    alone.visit("", {.parameter = [&](const std::string&,
                                      Parameter& p) { p.value = (value++)->slice(head, head + 1); },
                     .buffer = [&](const std::string&, Tensor&) { ++value; }});
    CHECK(alone.forward(x, context).to_host<float>() == z.slice(head, head + 1).to_host<float>());
    // The running statistics of each head are its own.
    value = of_both.begin();
    alone.visit(
        "", {.parameter = [&](const std::string&, Parameter&) { ++value; },
             .buffer =
                 [&](const std::string& name, Tensor& b) {
                   CAPTURE(name);
                   CHECK(b.to_host<float>() == (value++)->slice(head, head + 1).to_host<float>());
                 }});
  }
}

TEST_CASE("projection_head: extents out of range are refused by the name of the setting") {
  const auto backend = open_backend("plain");
  CHECK_THROWS_WITH_AS(make(*backend, {.layers = 0}), "head_layers: must be at least 1, got 0",
                       Error);
}

}  // namespace
}  // namespace amcl
