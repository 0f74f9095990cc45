#include "models/objectives/objective_options.h"

#include <doctest/doctest.h>

#include "engine/core/check.h"

namespace amcl {
namespace {

ObjectiveOptions of_form(AmclForm form) {
  return contrastive_objective({.adaptive = true, .form = form}, "ntxent", 0.5);
}

TEST_CASE("amcl forms: the values of the table of docs/objectives.md") {
  const AmclOptions amcl = of_form(AmclForm::amcl).amcl;
  CHECK(amcl.reducer == PairReducer::lse);
  CHECK(amcl.with_positive);
  CHECK(amcl.range.low == 0.05);
  CHECK(amcl.range.high == 1.0);
  const PairLossSpec anchored = pair_loss_spec(amcl, 64);
  CHECK(anchored.anchor_beta == 0.3);
  CHECK(anchored.anchor_a == 5.0);
  CHECK(anchored.beta_positive == 0.0);
  CHECK(anchored.beta_negative == 0.0);

  const AmclOptions topk = of_form(AmclForm::topk).amcl;
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

  const AmclOptions table2 = of_form(AmclForm::table2).amcl;
  CHECK(table2.reducer == PairReducer::hard);
  CHECK_FALSE(table2.with_positive);
  const PairLossSpec printed = pair_loss_spec(table2, 128);
  CHECK(printed.beta_positive == 0.1);
  CHECK(printed.beta_negative == 0.1);
  CHECK(printed.a_positive == 64.0);
  CHECK(printed.a_negative == 64.0);

  for (const AmclForm form : {AmclForm::amcl, AmclForm::topk, AmclForm::table2}) {
    const ObjectiveOptions options = of_form(form);
    CHECK(options.name == kAmclFormNames[static_cast<size_t>(form)]);
    CHECK(options.adaptive);
    CHECK(options.temperature_net.kind == TemperatureNetKind::dot);
    CHECK(options.temperature_net.shared);
    CHECK(options.temperature_net.hidden == 128);
    CHECK(options.temperature_net.score_scale == 1.0);
    CHECK_FALSE(options.temperature_net.detach);
    CHECK(options.amcl.range.bias == 0.0);
  }
}

TEST_CASE("amcl forms: a constant temperature is the chosen or the usual one of the plain loss") {
  const ObjectiveOptions usual = contrastive_objective({}, "infonce_queue", 0.1);
  CHECK(usual.name == "infonce_queue");
  CHECK_FALSE(usual.adaptive);
  CHECK(usual.temperature == 0.1);
  CHECK(contrastive_objective({.constant = 0.2}, "ntxent", 0.5).temperature == 0.2);
}

// Whatever kappa and beta are (spec S11).
TEST_CASE("amcl forms: the weight on the negatives of amcl-topk is kappa beta, until it is given") {
  AmclOptions amcl = of_form(AmclForm::topk).amcl;
  amcl.topk = 10;
  amcl.beta = 0.5;
  fill_omega_weights(amcl, 128, /*negatives=*/true);
  CHECK(amcl.beta_negative == 5.0);
  CHECK(amcl.a == 64.0);  // d / 2
  CHECK(amcl.a_negative == 1.0);
  amcl.beta_negative = 2.0;
  CHECK(omega_weights(amcl, 128).beta_negative == 2.0);
}

}  // namespace
}  // namespace amcl
