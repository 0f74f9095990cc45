#include "train/evaluation/stored_model.h"

#include "train/assembly/build_method.h"
#include "train/checkpoint/checkpoint_tensors.h"
#include "train/config/method_config.h"
#include "train/config/objective_config.h"
#include "train/config/stored_config.h"

namespace amcl {
namespace {

using Extents = std::vector<int64_t>;

// The tensors of a file, asked for by name and shape before anything of their size is made.
class StoredShapes {
 public:
  explicit StoredShapes(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  bool has(const std::string& name) const { return checkpoint_.file.tensors.contains(name); }
  void expect(const std::string& name, const Extents& shape) const {
    const auto found = checkpoint_.file.tensors.find(name);
    if (found == checkpoint_.file.tensors.end())
      fail(ErrorKind::data, checkpoint_.path, " does not fit its settings, which have ", name, ' ',
           extents_text(shape), ": there is none");
    if (found->second.shape != shape)
      fail(ErrorKind::data, checkpoint_.path, " does not fit its settings, which have ", name, ' ',
           extents_text(shape), ": it is ", extents_text(found->second.shape));
  }

 private:
  const Checkpoint& checkpoint_;
};

// Sizes of linear layers and where batch norm stands between them, as in ProjectionHead.
struct HeadSizes {
  int64_t heads = 1;
  int64_t layers = 2;
  int64_t input = 0;
  int64_t hidden = 0;
  int64_t dim = 0;
  bool norm = false;  // after each layer but perhaps the last
};

// Ends at the first layer that is not there, so at most as many steps as tensors.
void expect_heads(const StoredShapes& shapes, const std::string& prefix, const HeadSizes& sizes) {
  const int64_t stride = sizes.norm ? 3 : 2;  // linear, norm, relu
  for (int64_t head = 0; head < sizes.heads; ++head)
    for (int64_t layer = 0; layer < sizes.layers; ++layer)
      shapes.expect(concat_text(prefix, '.', head, '.', layer * stride, ".weight"),
                    {layer + 1 == sizes.layers ? sizes.dim : sizes.hidden,
                     layer == 0 ? sizes.input : sizes.hidden});
}

void expect_temperature_net(const StoredShapes& shapes, const Config& config) {
  const ObjectiveOptions objective = objective_options(config);
  const TemperatureNetOptions& net = objective.temperature_net;
  const bool of_barlow = config.model.method == "barlow";
  const bool over_columns = config.objective.barlow_score == "columns";
  if (!objective.adaptive || (of_barlow && !over_columns)) return;
  const int64_t features = of_barlow ? config.train.batch : *config.model.head_dim;
  const int64_t input = net.kind == TemperatureNetKind::concat ? 2 * features : features;
  for (int64_t head = 0; head < (net.shared ? 1 : *config.model.heads); ++head)
    shapes.expect(net.shared ? "temperature_net.w1" : concat_text("temperature_net.", head, ".w1"),
                  {net.hidden, input});
}

void check_against_metadata(const Checkpoint& checkpoint, const ModelConfig& model) {
  const EncoderMetadata& encoder = checkpoint.encoder;
  if (encoder.backbone.empty()) return;  // from before these keys
  if (encoder.backbone != model.backbone || encoder.stem != model.stem ||
      encoder.width != model.width)
    fail(ErrorKind::data, checkpoint.path, ": its settings say ", model.backbone, " of width ",
         model.width, " (", model.stem, " stem), its metadata ", encoder.backbone, " of width ",
         encoder.width, " (", encoder.stem, " stem)");
}

}  // namespace

Config config_of(const Checkpoint& checkpoint) {
  const Config config = stored_config(checkpoint.state.config, checkpoint.path);
  check_against_metadata(checkpoint, config.model);
  return config;
}

void check_sizes(const Checkpoint& checkpoint, const Config& given) {
  const Config config = with_method(given);
  const ModelConfig& model = config.model;
  const StoredShapes shapes(checkpoint);
  // The largest filter of the last stage, which outweighs the rest of the backbone up to a factor.
  constexpr int64_t kKernel = 3;
  const int64_t last = 8 * model.width;
  shapes.expect("backbone.layer4.0.conv2.weight", {last, last, kKernel, kKernel});
  const bool bottleneck = shapes.has("backbone.layer4.0.conv3.weight");
  const int64_t features = bottleneck ? 4 * last : last;
  const int64_t hidden = *model.head_hidden == 0 ? features : *model.head_hidden;
  expect_heads(shapes, "projector",
               {.heads = *model.heads,
                .layers = *model.head_layers,
                .input = features,
                .hidden = hidden,
                .dim = *model.head_dim,
                .norm = model.head_batch_norm != "none"});
  if (model.method == "simsiam")
    expect_heads(shapes, "predictor",
                 {.heads = *model.heads,
                  .input = *model.head_dim,
                  .hidden = *model.predictor_hidden,
                  .dim = *model.head_dim,
                  .norm = true});
  for (int64_t head = 0; model.method == "moco" && head < *model.heads; ++head)
    shapes.expect(concat_text("queue.", head, ".keys"), {*model.queue, *model.head_dim});
  expect_temperature_net(shapes, config);
}

std::unique_ptr<Method> build_stored(const Checkpoint& checkpoint, const Config& config,
                                     Backend& backend) {
  check_sizes(checkpoint, config);
  return as_stored(checkpoint.path, [&] { return build_method(config, backend); });
}

}  // namespace amcl
