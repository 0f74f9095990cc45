#include "train/checkpoint/checkpoint.h"

#include <map>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/device.h"
#include "train/checkpoint/checkpoint_tensors.h"

namespace amcl {
namespace {

constexpr std::string_view kOptimizerPrefix = "optimizer.";
constexpr std::string_view kProbePrefix = "probe.";
constexpr std::string_view kOnlineProbePrefix = "online_probe.";
constexpr std::string_view kProbeImages = "probe.images";
constexpr std::string_view kProbeFeatures = "probe.features";
constexpr std::string_view kRunningMean = ".running_mean";
constexpr std::string_view kBatchesTracked = ".num_batches_tracked";

// A tensor in memory and where it stands in the file.
struct Target {
  Tensor tensor;
  std::vector<StoredTensor> stored;
};

std::vector<Target> targets_of(const VisitFunction& visit) {
  std::vector<Target> targets;
  visit({.parameter =
             [&](const std::string& name, Parameter& parameter) {
               targets.push_back({parameter.value, stored_tensors(name, parameter.value.shape(),
                                                                  parameter.stacked)});
             },
         .buffer =
             [&](const std::string& name, Tensor& buffer) {
               targets.push_back({buffer, stored_tensors(name, buffer.shape(),
                                                         name.find('*') != std::string::npos)});
             }});
  return targets;
}

std::vector<Target> targets_of(const ParameterArena& arena, const OptimizerMemory& memory) {
  std::vector<Target> targets;
  for (const ParameterArena::Entry& entry : arena.entries()) {
    const Shape& shape = entry.parameter->value.shape();
    const std::string name = concat_text(kOptimizerPrefix, memory.name, '.', entry.name);
    targets.push_back({memory.flat.slice(entry.begin, entry.end).view(shape),
                       stored_tensors(name, shape, entry.parameter->stacked)});
  }
  return targets;
}

void store_all(const std::vector<Target>& targets, SafetensorsFile& file) {
  for (const Target& target : targets) {
    const std::vector<float> values = target.tensor.to_host<float>();
    for (const StoredTensor& stored : target.stored)
      AMCL_CHECK(file.tensors.emplace(stored.name, store(stored, values)).second,
                 "checkpoint: two tensors are named ", stored.name);
  }
}

// Some names and how many there are: "3 missing (a, b, ...)".
class Complaint {
 public:
  explicit Complaint(std::string what) : what_(std::move(what)) {}

  void add(const std::string& example) {
    constexpr int64_t kExamples = 3;
    if (count_ < kExamples)
      examples_ += (count_ == 0 ? "" : ", ") + example;
    else if (count_ == kExamples)
      examples_ += ", ...";
    ++count_;
  }
  void append_to(std::string& message) const {
    if (count_ > 0)
      message += concat_text(message.empty() ? "" : "; ", count_, ' ', what_, " (", examples_, ')');
  }

 private:
  std::string what_;
  std::string examples_;
  int64_t count_ = 0;
};

// What keeps the tensors of the file that `concerns` selects from fitting the targets; empty if
// nothing does.
template <class Concerns>
std::string differences(const std::vector<Target>& targets, const SafetensorsFile& file,
                        const Concerns& concerns) {
  Complaint missing("missing");
  Complaint unexpected("not of this model");
  Complaint reshaped("of another shape");
  std::map<std::string, const StoredTensor*> wanted;
  for (const Target& target : targets)
    for (const StoredTensor& stored : target.stored) wanted.emplace(stored.name, &stored);
  for (const auto& [name, stored] : wanted) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end())
      missing.add(name);
    else if (found->second.shape != stored->shape)
      reshaped.add(concat_text(name, " is ", extents_text(found->second.shape), ", here ",
                               extents_text(stored->shape)));
  }
  for (const auto& [name, entry] : file.tensors)
    if (concerns(name) && !wanted.contains(name) && !name.ends_with(kBatchesTracked))
      unexpected.add(name);
  std::string message;
  reshaped.append_to(message);
  missing.append_to(message);
  unexpected.append_to(message);
  return message;
}

// The targets must fit the file.
void restore_all(std::vector<Target>& targets, const SafetensorsFile& file) {
  for (Target& target : targets) {
    std::vector<float> values(static_cast<size_t>(target.tensor.count()));
    for (const StoredTensor& stored : target.stored)
      restore(stored, file.tensors.at(stored.name), values);
    Device& device = target.tensor.device();
    const Tensor source =
        Tensor::from_host<float>(device, target.tensor.shape(), values, target.tensor.dtype());
    device.copy(target.tensor.raw(), source.raw(), source.bytes());
  }
}

bool is_of_model(const std::string& name) {
  return !name.starts_with(kOptimizerPrefix) && !name.starts_with(kProbePrefix) &&
         !name.starts_with(kOnlineProbePrefix);
}

// Of the images [n, height, width, 3] of the probe; zeros if there are none.
ImageExtent probe_extent(const Checkpoint& checkpoint) {
  constexpr size_t kImageRank = 4;
  const auto found = checkpoint.file.tensors.find(std::string(kProbeImages));
  if (found == checkpoint.file.tensors.end()) return {};
  const std::vector<int64_t>& shape = found->second.shape;
  if (shape.size() != kImageRank || found->second.count() == 0 || shape[3] != 3) return {};
  return {.height = shape[1], .width = shape[2]};
}

std::vector<int64_t> extents_of(const Tensor& tensor) {
  const auto extents = tensor.shape().extents();
  return {extents.begin(), extents.end()};
}

// PyTorch's strict loading asks for these counters; nobody reads their value unless momentum is
// None.
void store_batch_counters(int64_t steps, SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file.tensors)
    if (name.ends_with(kRunningMean))
      names.push_back(name.substr(0, name.size() - kRunningMean.size()) +
                      std::string(kBatchesTracked));
  for (const std::string& name : names)
    file.tensors[name] = SafetensorsEntry::from<int64_t>({}, {steps});
}

}  // namespace

SafetensorsFile make_checkpoint(const VisitFunction& visit, const ParameterArena& arena,
                                std::span<const OptimizerMemory> memories,
                                const TrainerState& state, const EncoderMetadata& encoder,
                                const Probe& probe) {
  SafetensorsFile file{.metadata = to_metadata(state), .tensors = {}};
  file.metadata.merge(to_metadata(encoder));
  store_all(targets_of(visit), file);
  store_batch_counters(state.step, file);
  for (const OptimizerMemory& memory : memories) store_all(targets_of(arena, memory), file);
  file.tensors[std::string(kProbeImages)] =
      SafetensorsEntry::from(extents_of(probe.images), probe.images.to_host<uint8_t>());
  file.tensors[std::string(kProbeFeatures)] =
      SafetensorsEntry::from(extents_of(probe.features), probe.features.to_host<float>());
  return file;
}

Checkpoint read_checkpoint(const std::string& path) {
  Checkpoint checkpoint{.path = path, .file = read_safetensors(path), .state = {}, .encoder = {}};
  checkpoint.state = trainer_state_from(checkpoint.file.metadata, path);
  checkpoint.encoder =
      encoder_metadata_from(checkpoint.file.metadata, probe_extent(checkpoint), path);
  if (!checkpoint.file.metadata.contains("crc32c"))
    fail(ErrorKind::data, path, " is damaged: it has lost its CRC-32C");
  return checkpoint;
}

void load_weights(const Checkpoint& checkpoint, const VisitFunction& visit) {
  std::vector<Target> targets = targets_of(visit);
  const std::string wrong = differences(targets, checkpoint.file, is_of_model);
  if (!wrong.empty())
    fail(ErrorKind::data, checkpoint.path, " is a checkpoint of another model: ", wrong,
         "; use the [model] and [objective] settings that it was trained with");
  restore_all(targets, checkpoint.file);
}

void load_module(const SafetensorsFile& file, const std::string& what, const VisitFunction& visit) {
  std::vector<Target> targets = targets_of(visit);
  const std::string wrong = differences(targets, file, [](const std::string&) { return true; });
  if (!wrong.empty()) fail(ErrorKind::data, what, ": ", wrong);
  restore_all(targets, file);
}

void load_optimizer(const Checkpoint& checkpoint, const ParameterArena& arena,
                    std::span<const OptimizerMemory> memories) {
  std::vector<Target> targets;
  for (const OptimizerMemory& memory : memories)
    for (Target& target : targets_of(arena, memory)) targets.push_back(std::move(target));
  const std::string wrong = differences(targets, checkpoint.file, [](const std::string& name) {
    return name.starts_with(kOptimizerPrefix);
  });
  if (!wrong.empty())
    fail(ErrorKind::data, checkpoint.path, " holds the state of another optimiser: ", wrong);
  restore_all(targets, checkpoint.file);
}

Probe load_probe(const Checkpoint& checkpoint, Device& device) {
  const auto entry_of = [&](std::string_view name, size_t rank) -> const SafetensorsEntry& {
    const auto found = checkpoint.file.tensors.find(std::string(name));
    if (found == checkpoint.file.tensors.end() || found->second.shape.size() != rank ||
        probe_extent(checkpoint) == ImageExtent{})
      fail(ErrorKind::data, checkpoint.path, " holds no ", name, " to verify with");
    return found->second;
  };
  constexpr size_t kImageRank = 4;
  constexpr size_t kFeatureRank = 2;
  const SafetensorsEntry& images = entry_of(kProbeImages, kImageRank);
  const SafetensorsEntry& features = entry_of(kProbeFeatures, kFeatureRank);
  return {
      .images = Tensor::from_host<uint8_t>(device, Shape(images.shape), images.values<uint8_t>()),
      .features =
          Tensor::from_host<float>(device, Shape(features.shape), features.values<float>())};
}

}  // namespace amcl
