// Golden files of objectives: metadata key `objective`, hyper-parameters by key with the defaults of
// the reference.
#include <array>
#include <functional>
#include <map>
#include <optional>

#include "models/methods/byol.h"
#include "models/objectives/amcl_barlow.h"
#include "models/objectives/amcl_moco.h"
#include "models/objectives/amcl_nt_xent.h"
#include "models/objectives/amcl_simsiam.h"
#include "models/objectives/barlow.h"
#include "models/objectives/info_nce_queue.h"
#include "models/objectives/lejepa.h"
#include "models/objectives/nt_xent.h"
#include "models/objectives/simsiam.h"
#include "tests/golden/golden_suite.h"

namespace amcl {
namespace {

template <class T>
T one_of(GoldenCase& golden, const std::string& key, const std::string& fallback,
         const std::map<std::string, T>& values) {
  const std::string name = golden.text(key, fallback);
  const auto found = values.find(name);
  if (found == values.end()) throw GoldenFailure(key + " = '" + name + "' is not known");
  return found->second;
}

// The temperature of a file: options, and the net with the file's parameters where there is one.
struct Adaptive {
  AmclOptions options;
  TemperatureNetOptions net_options;
  std::optional<TemperatureNet> net;

  TemperatureNet* nullable_net() { return net ? &*net : nullptr; }
};

std::optional<double> optional_number(GoldenCase& golden, const std::string& key) {
  return golden.has_key(key) ? std::optional(golden.number(key)) : std::nullopt;
}

Adaptive read_adaptive(GoldenCase& golden) {
  enum class Kind { dot, concat, constant };
  const Kind kind =
      one_of<Kind>(golden, "temp.kind", "dot",
                   {{"dot", Kind::dot}, {"concat", Kind::concat}, {"const", Kind::constant}});
  Adaptive result;
  AmclOptions& options = result.options;
  options.reducer = one_of<PairReducer>(
      golden, "mode", "lse",
      {{"lse", PairReducer::lse}, {"topk", PairReducer::topk}, {"hard", PairReducer::hard}});
  options.topk = golden.integer("topk", 1);
  options.placement = one_of<OmegaPlacement>(
      golden, "reg", "paired",
      {{"paired", OmegaPlacement::paired}, {"anchored", OmegaPlacement::anchored}});
  options.with_positive = golden.flag("with_pos", true);
  options.beta = golden.number("beta", 0.0);
  options.a = optional_number(golden, "omega_a");
  options.beta_negative = optional_number(golden, "beta_neg");
  options.a_negative = optional_number(golden, "omega_a_neg");
  options.range = {.low = golden.number("temp.lo", 0.05),
                   .high = golden.number("temp.hi", 1.0),
                   .bias = golden.number("temp.score_bias", 0.0)};
  options.adaptive = kind != Kind::constant;
  options.temperature = golden.number("temp.tau_const", 0.2);
  result.net_options = {
      .kind = kind == Kind::concat ? TemperatureNetKind::concat : TemperatureNetKind::dot,
      .score_scale = golden.number("temp.score_scale", 1.0),
      .detach = golden.flag("temp.detach", false)};
  // Whether the heads share the net also shows in its tensors' leading axis, as in the reference.
  golden.ignore_keys({"phi_shared"});
  return result;
}

void read_net(GoldenCase& golden, Adaptive& adaptive) {
  if (adaptive.options.adaptive)
    adaptive.net.emplace(adaptive.net_options, golden.tensor("in.phi.w1"),
                         golden.tensor("in.phi.b1"), golden.tensor("in.phi.w2"),
                         golden.tensor("in.phi.b2"));
}

void expect_parameter_gradient(GoldenCase& golden, const std::string& name,
                               const Parameter& parameter) {
  golden.expect_gradient(name, parameter.slot.written ? parameter.slot.gradient : Tensor{});
}

void expect_net_gradients(GoldenCase& golden, const Adaptive& adaptive) {
  if (!adaptive.net) return;
  expect_parameter_gradient(golden, "grad.phi.w1", adaptive.net->w1);
  expect_parameter_gradient(golden, "grad.phi.b1", adaptive.net->b1);
  expect_parameter_gradient(golden, "grad.phi.w2", adaptive.net->w2);
  expect_parameter_gradient(golden, "grad.phi.b2", adaptive.net->b2);
}

// Runs the objective on the named inputs as leaves, and compares losses and their gradients.
using Objective = std::function<Loss(const std::vector<Tensor>& inputs)>;
void differentiate(GoldenCase& golden, const std::vector<std::string>& names,
                   const Objective& objective) {
  const TapeScope scope;
  std::vector<Tensor> inputs;
  for (const std::string& name : names) inputs.push_back(tape::leaf(golden.tensor("in." + name)));
  const Loss loss = objective(inputs);
  tape::backward(loss.total);
  golden.expect_loss("out.loss", loss.total);
  golden.expect_loss("out.per_head", loss.per_head);
  for (size_t i = 0; i < names.size(); ++i)
    golden.expect_gradient("grad." + names[i], tape::gradient(inputs[i]));
}

// Temperatures are stored for small sizes only.
void expect_temperatures(GoldenCase& golden, const std::string& name, const Adaptive& adaptive,
                         const std::function<Tensor()>& scores) {
  if (!golden.has_tensor(name)) return;
  if (adaptive.options.adaptive)
    golden.expect_values(name, temperature(scores(), adaptive.options.range));
  else
    golden.expect_values(name, std::vector<double>(golden.tensor(name).to_host<double>().size(),
                                                   adaptive.options.temperature));
}

void run_nt_xent(GoldenCase& golden) {
  const NtXentOptions options{.temperature = golden.number("tau"),
                              .with_positive = golden.flag("with_pos", true)};
  differentiate(golden, {"z"}, [&](const auto& in) { return nt_xent(in[0], options); });
}

void run_info_nce_queue(GoldenCase& golden) {
  const InfoNceQueueOptions options{.temperature = golden.number("tau"),
                                    .with_positive = golden.flag("with_pos", true)};
  const Tensor k = golden.tensor("in.k");
  const Tensor queue = golden.tensor("in.queue");
  differentiate(golden, {"q"},
                [&](const auto& in) { return info_nce_queue(in[0], k, queue, options); });
}

void run_simsiam(GoldenCase& golden) {
  const Tensor z1 = golden.tensor("in.z1");
  const Tensor z2 = golden.tensor("in.z2");
  differentiate(golden, {"p1", "p2"},
                [&](const auto& in) { return simsiam(in[0], z1, in[1], z2); });
}

// Of the method itself: the two directions are its own.
void run_byol(GoldenCase& golden) {
  const Tensor t1 = golden.tensor("in.t1");
  const Tensor t2 = golden.tensor("in.t2");
  Byol method(golden.run().backend, 0,
              {.backbone = {.width = 1}, .projector = {.heads = t1.dim(0), .dim = t1.dim(2)}},
              golden.run().dtype);
  const std::array targets{t1, t2};
  differentiate(golden, {"p1", "p2"}, [&](const auto& in) {
    return method.loss({{}, concat(in, 1), concat(targets, 1)});
  });
}

void run_lejepa(GoldenCase& golden) {
  const Tensor directions = golden.tensor("in.directions");
  const double lambda = golden.number("lambda");
  differentiate(golden, {"z"}, [&](const auto& in) { return lejepa(in[0], directions, lambda); });
}

BarlowOptions read_barlow(GoldenCase& golden) {
  return {.lambda = golden.number("lambda", 5e-3),
          .ddof = golden.integer("ddof", 0),
          .epsilon = golden.number("eps", 1e-5)};
}

void run_barlow(GoldenCase& golden) {
  const BarlowOptions options = read_barlow(golden);
  differentiate(golden, {"x", "y"}, [&](const auto& in) { return barlow(in[0], in[1], options); });
}

void run_amcl_nt_xent(GoldenCase& golden) {
  Adaptive adaptive = read_adaptive(golden);
  read_net(golden, adaptive);
  differentiate(golden, {"z"}, [&](const auto& in) {
    return amcl_nt_xent(in[0], adaptive.nullable_net(), adaptive.options);
  });
  expect_net_gradients(golden, adaptive);
  expect_temperatures(golden, "out.tau", adaptive, [&] {
    const Tensor u = l2_normalize(golden.tensor("in.z"));
    return adaptive.net->scores(u, u);
  });
}

void run_amcl_moco(GoldenCase& golden) {
  Adaptive adaptive = read_adaptive(golden);
  read_net(golden, adaptive);
  const Tensor k = golden.tensor("in.k");
  const Tensor queue = golden.tensor("in.queue");
  differentiate(golden, {"q"}, [&](const auto& in) {
    return amcl_moco(in[0], k, queue, adaptive.nullable_net(), adaptive.options);
  });
  expect_net_gradients(golden, adaptive);
  const Tensor u = l2_normalize(golden.tensor("in.q"));
  expect_temperatures(golden, "out.tau_pos", adaptive,
                      [&] { return adaptive.net->aligned_scores(u, l2_normalize(k)); });
  expect_temperatures(golden, "out.tau_neg", adaptive,
                      [&] { return adaptive.net->scores(u, queue); });
}

void run_amcl_simsiam(GoldenCase& golden) {
  Adaptive adaptive = read_adaptive(golden);
  read_net(golden, adaptive);
  const Tensor z1 = golden.tensor("in.z1");
  const Tensor z2 = golden.tensor("in.z2");
  differentiate(golden, {"p1", "p2"}, [&](const auto& in) {
    return amcl_simsiam(in[0], z1, in[1], z2, adaptive.nullable_net(), adaptive.options);
  });
  expect_net_gradients(golden, adaptive);
  const auto scores = [&](const char* prediction, const Tensor& target) {
    return adaptive.net->aligned_scores(l2_normalize(golden.tensor(prediction)),
                                        l2_normalize(target));
  };
  expect_temperatures(golden, "out.tau1", adaptive, [&] { return scores("in.p1", z2); });
  expect_temperatures(golden, "out.tau2", adaptive, [&] { return scores("in.p2", z1); });
}

// The scores come from a net on the columns, from the correlation, or there are none.
void run_amcl_barlow(GoldenCase& golden) {
  Adaptive adaptive = read_adaptive(golden);
  const bool on_columns =
      one_of<bool>(golden, "bt_phi", "batchvec", {{"batchvec", true}, {"corr", false}});
  const AmclBarlowOptions options{
      .barlow = read_barlow(golden),
      .fit = one_of<BarlowFit>(golden, "bt_pos", "inside",
                               {{"inside", BarlowFit::inside}, {"outside", BarlowFit::outside}}),
      .amcl = adaptive.options};
  std::optional<CorrelationScore> correlation;
  if (on_columns) {
    read_net(golden, adaptive);
  } else if (adaptive.options.adaptive) {
    Initializer unused(golden.run().backend, 0, golden.run().dtype);
    correlation.emplace(unused);
    correlation->gain.value = golden.tensor("in.phi.g").view({1});
    correlation->offset.value = golden.tensor("in.phi.o").view({1});
    correlation->detach = adaptive.net_options.detach;
  }
  differentiate(golden, {"x", "y"}, [&](const auto& in) {
    if (adaptive.net) return amcl_barlow(in[0], in[1], *adaptive.net, options);
    if (correlation) return amcl_barlow(in[0], in[1], *correlation, options);
    return amcl_barlow(in[0], in[1], options);
  });
  expect_net_gradients(golden, adaptive);
  if (correlation) {
    expect_parameter_gradient(golden, "grad.phi.g", correlation->gain);
    expect_parameter_gradient(golden, "grad.phi.o", correlation->offset);
  }
  expect_temperatures(golden, "out.tau", adaptive, [&] {
    const CrossCorrelation pairs =
        cross_correlation("golden", golden.tensor("in.x"), golden.tensor("in.y"), options.barlow);
    if (adaptive.net) return adaptive.net->scores(pairs.x, pairs.y);
    return add(multiply(pairs.matrix, correlation->gain.value), correlation->offset.value);
  });
}

}  // namespace

void run_objective(GoldenCase& golden, const std::string& objective) {
  const std::map<std::string, void (*)(GoldenCase&)> runs = {{"ntxent", run_nt_xent},
                                                             {"infonce_queue", run_info_nce_queue},
                                                             {"simsiam", run_simsiam},
                                                             {"barlow", run_barlow},
                                                             {"byol", run_byol},
                                                             {"lejepa", run_lejepa},
                                                             {"amcl_ntxent", run_amcl_nt_xent},
                                                             {"amcl_moco", run_amcl_moco},
                                                             {"amcl_simsiam", run_amcl_simsiam},
                                                             {"amcl_barlow", run_amcl_barlow}};
  const auto found = runs.find(objective);
  if (found == runs.end()) throw GoldenFailure("objective = '" + objective + "' is not known");
  found->second(golden);
}

}  // namespace amcl
