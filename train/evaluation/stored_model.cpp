#include "train/evaluation/stored_model.h"

#include "train/assembly/build_method.h"
#include "train/checkpoint/checkpoint_tensors.h"
#include "train/config/stored_config.h"

namespace amcl {
namespace {

using Extents = std::vector<int64_t>;

// The tensors of a file, asked for by name and shape before anything of their size is made.
class StoredShapes {
 public:
  explicit StoredShapes(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

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

void check_against_metadata(const Checkpoint& checkpoint, const ResNetOptions& model) {
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
  check_against_metadata(checkpoint, common(config.method).backbone);
  return config;
}

void check_sizes(const Checkpoint& checkpoint, const Config& config) {
  // Ends at the first tensor that is not there, so at most as many steps as tensors.
  visit_shapes(config.method, config.train.batch,
               [stored = StoredShapes(checkpoint)](const std::string& name, const Extents& shape) {
                 stored.expect(name, shape);
               });
}

std::unique_ptr<Method> build_stored(const Checkpoint& checkpoint, const Config& config,
                                     Backend& backend) {
  check_sizes(checkpoint, config);
  return as_stored(checkpoint.path, [&] { return build_method(config, backend); });
}

}  // namespace amcl
