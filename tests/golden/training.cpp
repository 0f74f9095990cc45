// Golden files of what surrounds the gradient: optimisers, learning-rate schedule, state of MoCo,
// kNN.
#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops/ops.h"
#include "engine/optimizer/schedule.h"
#include "tests/golden/golden_suite.h"
#include "train/evaluation/knn.h"

namespace amcl {
namespace {

// The parameters of a file side by side in flat memory, with gaps as the arena leaves them.
class FlatParameters {
 public:
  explicit FlatParameters(GoldenCase& golden) : golden_(golden) {
    int64_t end = 0;
    for (const std::string& name : golden.names("in.p.")) {
      const Tensor value = golden.tensor(name);
      entries_.push_back({name.substr(std::string("in.p.").size()), value.shape(), end});
      end += value.count() + 3;
    }
    count_ = end;
  }

  // Tensor `prefix`NAME of each parameter, side by side.
  Tensor gather(const std::string& prefix) {
    std::vector<double> flat(static_cast<size_t>(count_));
    for (const Entry& entry : entries_) {
      const auto values = golden_.tensor(prefix + entry.name).to_host<double>();
      std::copy(values.begin(), values.end(), flat.begin() + entry.begin);
    }
    return Tensor::from_host(golden_.run().backend, {count_}, std::span<const double>(flat),
                             golden_.run().dtype);
  }
  void expect(const std::string& prefix, const Tensor& flat) {
    const auto values = flat.to_host<double>();
    for (const Entry& entry : entries_)
      golden_.expect_values(prefix + entry.name,
                            std::span(values).subspan(static_cast<size_t>(entry.begin),
                                                      static_cast<size_t>(entry.shape.count())));
  }
  // Vectors are biases and norms: without decay and trust ratio if `by_role`.
  std::vector<OptimizerSegment> segments(double weight_decay, bool by_role) const {
    std::vector<OptimizerSegment> result;
    for (const Entry& entry : entries_) {
      const bool plain = by_role && entry.shape.rank() == 1;
      result.push_back({.begin = entry.begin,
                        .end = entry.begin + entry.shape.count(),
                        .weight_decay = plain ? 0.0 : weight_decay,
                        .trust_ratio = !plain});
    }
    return result;
  }

 private:
  struct Entry {
    std::string name;
    Shape shape;
    int64_t begin;
  };

  GoldenCase& golden_;
  std::vector<Entry> entries_;
  int64_t count_ = 0;
};

// Runs `steps` steps of update(gradient, value, step) and compares the parameters after each.
template <class Update>
void run_steps(GoldenCase& golden, FlatParameters& parameters, const Update& update) {
  golden.ignore_keys({"rule"});
  Tensor value = parameters.gather("in.p.");
  const int64_t steps = golden.integer("steps");
  for (int64_t step = 0; step < steps; ++step) {
    update(parameters.gather(concat_text("in.g", step, ".")), value, step);
    parameters.expect(concat_text("out.p", step, "."), value);
  }
}

Tensor scalar(const GoldenCase& golden, double value) {
  return Tensor::from_host(golden.run().backend, {1}, std::span<const double>(&value, 1),
                           golden.run().dtype);
}

void run_momentum_optimizer(GoldenCase& golden, bool lars) {
  FlatParameters parameters(golden);
  Backend& backend = golden.run().backend;
  const Tensor rate = scalar(golden, golden.number("lr"));
  const Tensor one = scalar(golden, 1.0);
  Tensor velocity = Tensor::zeros(backend, parameters.gather("in.p.").shape(), golden.run().dtype);
  const double momentum = golden.number("momentum");
  const auto segments = parameters.segments(golden.number("weight_decay"), lars);
  OptimizerRule rule = SgdSpec{.momentum = momentum};
  if (lars)
    rule = LarsSpec{
        .momentum = momentum, .trust = golden.number("trust"), .epsilon = golden.number("eps")};
  else
    std::get<SgdSpec>(rule).nesterov = golden.integer("nesterov") != 0;
  run_steps(golden, parameters, [&](const Tensor& gradient, Tensor& value, int64_t) {
    backend.optimizer_step(rule, segments, rate, one, one, gradient, value, {&velocity, 1});
  });
}

void run_sgd(GoldenCase& golden) {
  run_momentum_optimizer(golden, /*lars=*/false);
}

void run_lars(GoldenCase& golden) {
  run_momentum_optimizer(golden, /*lars=*/true);
}

void run_adamw(GoldenCase& golden) {
  FlatParameters parameters(golden);
  Backend& backend = golden.run().backend;
  const Tensor rate = scalar(golden, golden.number("lr"));
  const Tensor one = scalar(golden, 1.0);
  const AdamWSpec spec{.beta1 = golden.number("beta1"),
                       .beta2 = golden.number("beta2"),
                       .epsilon = golden.number("eps")};
  const auto segments = parameters.segments(golden.number("weight_decay"), /*by_role=*/false);
  const Shape shape = parameters.gather("in.p.").shape();
  std::array moments{Tensor::zeros(backend, shape, golden.run().dtype),
                     Tensor::zeros(backend, shape, golden.run().dtype)};
  run_steps(golden, parameters, [&](const Tensor& gradient, Tensor& value, int64_t step) {
    const Tensor number = scalar(golden, static_cast<double>(step + 1));
    backend.optimizer_step(spec, segments, rate, one, number, gradient, value, moments);
  });
}

void run_schedule(GoldenCase& golden) {
  golden.ignore_keys({"rule"});
  for (const std::string& name : golden.names("c")) {
    const std::string prefix = name.substr(0, name.find('.') + 1);
    const Schedule schedule{.peak = golden.number(prefix + "base"),
                            .floor = golden.number(prefix + "lo"),
                            .warmup = golden.integer(prefix + "warmup"),
                            .total = golden.integer(prefix + "total")};
    std::vector<double> rates;
    for (int64_t step = 0; step < schedule.total; ++step) rates.push_back(schedule.rate(step));
    golden.expect_values(prefix + "out.lr", rates);
  }
}

// The key encoder's moving average and the ring of normalised keys.
void run_moco_state(GoldenCase& golden) {
  golden.ignore_keys({"rule"});
  Backend& backend = golden.run().backend;
  const double momentum = golden.number("ema");
  Tensor key = golden.tensor("in.key_param");
  const Tensor weights =
      Tensor::from_host<double>(backend, {2}, std::vector{momentum, 1.0 - momentum}, key.dtype());
  for (size_t step = 0; step < golden.names("in.query_param").size(); ++step) {
    backend.moving_average(golden.tensor(concat_text("in.query_param", step)), weights, key);
    golden.expect_values(concat_text("out.key_param", step), key);
  }
  Tensor queue = golden.tensor("in.queue");
  Tensor head = Tensor::zeros(backend, {1}, DType::i32);
  for (size_t step = 0; step < golden.names("in.keys").size(); ++step) {
    backend.write_ring(l2_normalize(golden.tensor(concat_text("in.keys", step))), {}, queue, head);
    golden.expect_values(concat_text("out.queue", step), queue);
  }
}

// Scores out.score_k5 [queries, classes], predictions and accuracy for each k of the file.
void run_knn(GoldenCase& golden) {
  golden.ignore_keys({"rule"});
  const auto labels = golden.tensor("in.train_label").to_host<int32_t>();
  const auto test_labels = golden.tensor("in.test_label").to_host<int32_t>();
  const std::string prefix = "out.score_k";
  for (const std::string& name : golden.names(prefix)) {
    const std::string k = name.substr(prefix.size());
    const KnnOptions options{.k = std::stoll(k), .temperature = golden.number("k" + k + ".temp")};
    KnnResult result = knn_classify(golden.tensor("in.train"), labels, golden.tensor("in.test"),
                                    golden.tensor(name).dim(1), options);
    // The votes are divided by that of the nearest neighbour; the file's are not.
    const size_t classes = result.votes.size() / test_labels.size();
    for (size_t i = 0; i < result.votes.size(); ++i) {
      const Neighbour& nearest = result.neighbours[i / classes * static_cast<size_t>(result.k)];
      result.votes[i] *= std::exp(nearest.similarity / options.temperature);
    }
    golden.expect_values(name, result.votes);
    golden.expect_values("out.pred_k" + k,
                         std::vector<double>(result.predictions.begin(), result.predictions.end()));
    golden.expect_values(
        "out.acc_k" + k,
        std::vector<double>{top1_percent(result.predictions, test_labels) / 100.0});
  }
}

}  // namespace

bool run_training(GoldenCase& golden, const std::string& name) {
  const std::map<std::string, void (*)(GoldenCase&)> runs = {
      {"ops_optim_sgd", run_sgd},         {"ops_optim_lars", run_lars},
      {"ops_optim_adamw", run_adamw},     {"ops_schedule", run_schedule},
      {"ops_moco_state", run_moco_state}, {"ops_knn", run_knn}};
  for (const auto& [prefix, run] : runs) {
    if (!name.starts_with(prefix)) continue;
    run(golden);
    return true;
  }
  return false;
}

}  // namespace amcl
