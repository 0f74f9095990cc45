// Golden files of operations: several cases c0, c1, ... each with tensors and options under its
// prefix. Gradients are those of sum(in.gy * out.y).
#include <functional>
#include <map>

#include "engine/ops/ops.h"
#include "tests/golden/golden_suite.h"

namespace amcl {
namespace {

// One case of a file.
struct OperationCase {
  GoldenCase& golden;
  std::string prefix;  // "c0."

  int64_t integer(const char* key) const { return golden.integer(prefix + key); }
  std::string text(const char* key) const { return golden.text(prefix + key); }
  Tensor input(const std::string& name) const { return golden.tensor(prefix + "in." + name); }

  // Computes y from the named inputs as leaves; compares y and the gradients.
  using Operation = std::function<Tensor(const std::vector<Tensor>& inputs)>;
  void differentiate(const std::vector<std::string>& names, const Operation& operation) const {
    const TapeScope scope;
    std::vector<Tensor> inputs;
    for (const std::string& name : names) inputs.push_back(tape::leaf(input(name)));
    const Tensor y = operation(inputs);
    const Tensor gy = input("gy").view(y.shape());
    tape::backward(std::span(&y, 1), std::span(&gy, 1));
    golden.expect_values(prefix + "out.y", y);
    for (size_t i = 0; i < names.size(); ++i)
      golden.expect_gradient(prefix + "grad." + names[i], tape::gradient(inputs[i]));
  }
};

void run_conv2d(const OperationCase& test) {
  const Conv2dSpec spec{.stride = test.integer("stride"), .padding = test.integer("pad")};
  const bool bias = test.integer("bias") != 0;
  if (test.integer("kernel") != test.input("w").dim(1))
    throw GoldenFailure(test.prefix + "kernel is not the filter's extent");
  test.differentiate(
      bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"},
      [&](const auto& in) {
        const Tensor y = conv2d(in[0], in[1], spec);
        return bias ? add(y, in[2]) : y;
      });
}

void run_batch_norm(const OperationCase& test) {
  test.golden.ignore_keys({"running_var"});
  const Phase phase = test.integer("train") != 0 ? Phase::train : Phase::eval;
  RunningStatistics running{.mean = test.input("running_mean"),
                            .variance = test.input("running_var"),
                            .momentum = test.golden.number("momentum")};
  const BatchNormSpec spec{.epsilon = test.golden.number("eps")};
  test.differentiate({"x", "gamma", "beta"}, [&](const auto& in) {
    return batch_norm(in[0], in[1], in[2], running, phase, spec);
  });
  test.golden.expect_values(test.prefix + "out.running_mean", running.mean);
  test.golden.expect_values(test.prefix + "out.running_var", running.variance);
}

void run_linear(const OperationCase& test) {
  if (test.integer("bias") != 0)
    test.differentiate({"x", "w", "b"}, [](const auto& in) { return linear(in[0], in[1], in[2]); });
  else
    test.differentiate({"x", "w"}, [](const auto& in) { return linear(in[0], in[1], {}); });
}

void run_matmul(const OperationCase& test) {
  test.golden.ignore_keys({"trans"});
  const MatmulSpec spec{.trans_a = test.integer("ta") != 0, .trans_b = test.integer("tb") != 0};
  test.differentiate({"a", "b"}, [&](const auto& in) { return matmul(in[0], in[1], spec); });
}

void run_pointwise_or_pool(const OperationCase& test) {
  test.golden.ignore_keys({"ties", "max_pool"});
  const std::string op = test.text("op");
  if (op == "relu") {
    test.differentiate({"x"}, [](const auto& in) { return relu(in[0]); });
  } else if (op == "add") {
    test.differentiate({"a", "b"}, [](const auto& in) { return add(in[0], in[1]); });
  } else if (op == "add_relu") {
    test.differentiate({"a", "b"}, [](const auto& in) { return relu(add(in[0], in[1])); });
  } else if (op == "max_pool") {
    const PoolSpec spec{.kernel = test.integer("kernel"),
                        .stride = test.integer("stride"),
                        .padding = test.integer("pad")};
    test.differentiate({"x"}, [&](const auto& in) { return max_pool(in[0], spec); });
  } else if (op == "global_avg_pool") {
    test.differentiate({"x"}, [](const auto& in) { return global_average_pool(in[0]); });
  } else {
    throw GoldenFailure(test.prefix + "op = '" + op + "' is not known");
  }
}

void run_rows(const OperationCase& test) {
  test.golden.ignore_keys({"zero_row"});
  const double epsilon = test.golden.number("eps");
  const std::string op = test.text("op");
  if (op == "l2_normalize") {
    test.differentiate({"x"}, [&](const auto& in) { return l2_normalize(in[0], epsilon); });
  } else if (op == "log_softmax") {
    test.differentiate({"x"}, [](const auto& in) { return log_softmax(in[0]); });
  } else if (op == "log_softmax_nll_mean") {
    const Tensor target = test.input("target");
    test.differentiate({"x"}, [&](const auto& in) { return cross_entropy(in[0], target); });
  } else {
    throw GoldenFailure(test.prefix + "op = '" + op + "' is not known");
  }
}

}  // namespace

bool run_operation(GoldenCase& golden, const std::string& name) {
  const std::map<std::string, void (*)(const OperationCase&)> runs = {
      {"ops_conv2d", run_conv2d},
      {"ops_batch_norm", run_batch_norm},
      {"ops_linear", run_linear},
      {"ops_matmul", run_matmul},
      {"ops_pointwise_pool", run_pointwise_or_pool},
      {"ops_l2norm_softmax", run_rows}};
  const auto found = runs.find(name);
  if (found == runs.end()) return false;
  golden.ignore_keys({"layout"});
  const int64_t cases = golden.integer("cases");
  for (int64_t i = 0; i < cases; ++i) found->second({golden, concat_text("c", i, ".")});
  return true;
}

}  // namespace amcl
