// Golden files of whole models: backbone, projection head and NT-Xent, with the parameters of the
// file; activations of each stage, gradients, running statistics and the evaluation forward.
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "models/objectives/nt_xent.h"
#include "models/projection_head.h"
#include "models/resnet.h"
#include "tests/golden/golden_suite.h"

namespace amcl {
namespace {

// Relative (spec S12): features and loss, then norms of gradients; for their elements see GoldenRun.
constexpr GoldenTolerance kForward{.loss = 1e-4, .tensor = 1e-4};
constexpr GoldenTolerance kGradientNorm{.loss = 1e-4, .tensor = 1e-3};

// Parameters and buffers by the names of the file.
struct NamedModel {
  std::map<std::string, Parameter*> parameters;
  std::map<std::string, Tensor*> buffers;

  template <class Module>
  void add(Module& module, const std::string& prefix) {
    module.visit(prefix, {.parameter =
                              [&](const std::string& name, Parameter& parameter) {
                                parameters.emplace(of_head_0(name), &parameter);
                              },
                          .buffer = [&](const std::string& name,
                                        Tensor& buffer) { buffers.emplace(name, &buffer); }});
  }

 private:
  static std::string of_head_0(std::string name) {
    std::replace(name.begin(), name.end(), '*', '0');
    return name;
  }
};

template <class Value>
Value* find(const std::map<std::string, Value*>& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) throw GoldenFailure("the model has no '" + name + "'");
  return found->second;
}

// Mean or root mean square per channel of x [N, H, W, C].
std::vector<double> channel_moment(const Tensor& x, bool root_mean_square) {
  const auto values = x.to_host<double>();
  const auto channels = static_cast<size_t>(x.dim(3));
  std::vector<double> sums(channels);
  for (size_t i = 0; i < values.size(); ++i)
    sums[i % channels] += root_mean_square ? values[i] * values[i] : values[i];
  for (double& sum : sums) {
    sum /= static_cast<double>(values.size() / channels);
    if (root_mean_square) sum = std::sqrt(sum);
  }
  return sums;
}

Tensor forward(GoldenCase& golden, ResNet& backbone, const Tensor& images) {
  const auto compare = [&](const std::string& stage, const Tensor& x) {
    golden.expect_values("out.stage." + stage + ".mean", channel_moment(x, false));
    golden.expect_values("out.stage." + stage + ".rms", channel_moment(x, true));
  };
  Tensor x = backbone.stem(images, {});
  compare("stem", x);
  for (size_t i = 0; i < backbone.stage_count(); ++i) {
    x = backbone.stage(i, x, {});
    compare("layer" + std::to_string(i + 1), x);
  }
  return global_average_pool(x);
}

double norm_of(const Tensor& x) {
  double squares = 0.0;
  for (const double value : x.to_host<double>()) squares += value * value;
  return std::sqrt(squares);
}

void expect_gradients(GoldenCase& golden, const NamedModel& model) {
  std::vector<double> norms;
  std::istringstream order(golden.text("grad_norm_order"));
  for (std::string name; order >> name;)
    norms.push_back(norm_of(find(model.parameters, name)->slot.gradient));
  golden.set_f32_tolerance(kGradientNorm);
  golden.expect_values("out.grad_norm", norms);
  golden.set_f32_tolerance({.loss = kForward.loss, .tensor = golden.run().model_gradient});
  const std::string prefix = "grad.param.";
  for (const std::string& name : golden.names(prefix))
    golden.expect_gradient(name, find(model.parameters, name.substr(prefix.size()))->slot.gradient);
}

// arch = "resnet18_cifar": backbone and stem.
ResNetOptions read_options(GoldenCase& golden) {
  golden.ignore_keys(
      {"layers", "bottleneck", "stem", "weight_layout", "images", "features_eval", "compute"});
  if (golden.text("loss") != "ntxent" || golden.text("projector") != "linear-relu-linear")
    throw GoldenFailure("loss or projector is not known");
  const std::string arch = golden.text("arch");
  const size_t underscore = arch.find('_');
  if (underscore == std::string::npos) throw GoldenFailure("arch = '" + arch + "' is not known");
  return {.backbone = arch.substr(0, underscore),
          .width = golden.integer("base_width"),
          .stem = arch.substr(underscore + 1)};
}

}  // namespace

void run_model(GoldenCase& golden) {
  golden.set_f32_tolerance(kForward);
  Initializer initializer(golden.run().backend, /*seed=*/0, golden.run().dtype);
  ResNet backbone(initializer, read_options(golden));
  const Shape hidden = golden.tensor("in.param.projector.0.0.weight").shape();
  const Shape output = golden.tensor("in.param.projector.0.2.weight").shape();
  ProjectionHead head(initializer, backbone.feature_dim(), {.hidden = hidden[0], .dim = output[0]});
  NamedModel model;
  model.add(backbone, "");
  model.add(head, "projector");
  for (auto& [name, parameter] : model.parameters)
    parameter->value = golden.tensor("in.param." + name).view(parameter->value.shape());

  const Tensor images = golden.tensor("in.images");
  {
    const TapeScope scope;
    const Tensor features = forward(golden, backbone, images);
    const Tensor z = head.forward(features, {});
    const Loss loss = nt_xent(
        z, {.temperature = golden.number("tau"), .with_positive = golden.flag("with_pos", true)});
    tape::backward(loss.total);
    golden.expect_values("out.features", features);
    golden.expect_values("out.z", z);
    golden.expect_loss("out.loss", loss.total);
  }
  expect_gradients(golden, model);
  golden.set_f32_tolerance(kForward);
  const std::string prefix = "out.buffer.";
  for (const std::string& name : golden.names(prefix))
    golden.expect_values(name, *find(model.buffers, name.substr(prefix.size())));
  golden.expect_values("out.features_eval", backbone.forward(images, {.phase = Phase::eval}));
}

}  // namespace amcl
