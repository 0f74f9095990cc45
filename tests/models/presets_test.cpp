#include "models/objectives/presets.h"

#include <doctest/doctest.h>

#include "engine/core/check.h"

namespace amcl {
namespace {

TEST_CASE("presets: the values of the table of docs/objectives.md") {
  const AmclOptions amcl = preset("amcl").amcl;
  CHECK(amcl.reducer == PairReducer::lse);
  CHECK(amcl.with_positive);
  CHECK(amcl.range.low == 0.05);
  CHECK(amcl.range.high == 1.0);
  const PairLossSpec anchored = pair_loss_spec(amcl, 64);
  CHECK(anchored.anchor_beta == 0.3);
  CHECK(anchored.anchor_a == 5.0);
  CHECK(anchored.beta_positive == 0.0);
  CHECK(anchored.beta_negative == 0.0);

  const AmclOptions topk = preset("amcl-topk").amcl;
  CHECK(topk.reducer == PairReducer::topk);
  CHECK(topk.topk == 100);
  CHECK_FALSE(topk.with_positive);
  const PairLossSpec paired = pair_loss_spec(topk, 64);
  CHECK(paired.beta_positive == 1e-4);
  CHECK(paired.a_positive == 32.0);
  CHECK(paired.beta_negative == doctest::Approx(0.01));
  CHECK(paired.a_negative == 1.0);
  CHECK(paired.anchor_beta == 0.0);
  CHECK(topk.range.low == 1e-5);
  CHECK(topk.range.high == 2.0);

  const AmclOptions table2 = preset("amcl-table2").amcl;
  CHECK(table2.reducer == PairReducer::hard);
  CHECK_FALSE(table2.with_positive);
  const PairLossSpec printed = pair_loss_spec(table2, 128);
  CHECK(printed.beta_positive == 0.1);
  CHECK(printed.beta_negative == 0.1);
  CHECK(printed.a_positive == 64.0);
  CHECK(printed.a_negative == 64.0);

  for (const std::string& name : preset_names()) {
    const ObjectiveOptions options = preset(name);
    CHECK(options.name == name);
    CHECK(options.adaptive);
    CHECK(options.temperature_net.kind == TemperatureNetKind::dot);
    CHECK(options.temperature_net.shared);
    CHECK(options.temperature_net.hidden == 128);
    CHECK(options.temperature_net.score_scale == 1.0);
    CHECK_FALSE(options.temperature_net.detach);
    CHECK(options.amcl.range.bias == 0.0);
  }
}

TEST_CASE("presets: temperature chooses between the preset and NT-Xent") {
  CHECK(resolve_objective("amcl-topk", "adaptive").name == "amcl-topk");
  const ObjectiveOptions fixed = resolve_objective("amcl", "fixed");
  CHECK(fixed.name == "ntxent");
  CHECK_FALSE(fixed.adaptive);
  CHECK(fixed.temperature == 0.5);
  CHECK(resolve_objective("amcl", "fixed", 0.1).temperature == 0.1);
  CHECK(resolve_objective("amcl", "0.2").temperature == 0.2);
  CHECK_FALSE(resolve_objective("amcl", "0.2").adaptive);
}

TEST_CASE("presets: unknown names and temperatures are refused with what is allowed") {
  CHECK_THROWS_WITH_AS(preset("amcl-top"),
                       "objective: 'amcl-top' is not one of amcl, amcl-topk, amcl-table2", Error);
  for (const char* temperature : {"", "0", "-1", "warm", "0.2x", "nan", "inf"})
    CHECK_THROWS_WITH_AS(resolve_objective("amcl", temperature),
                         doctest::Contains("is neither adaptive nor fixed nor a number above 0"),
                         Error);
  CHECK_THROWS_AS(resolve_objective("triplet", "0.2"), Error);
}

}  // namespace
}  // namespace amcl
