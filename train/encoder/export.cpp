#include "train/encoder/export.h"

namespace amcl {
namespace {

constexpr std::string_view kRunningMean = ".running_mean";

// What only a run can use.
constexpr const char* kOfTheRun[] = {"config", "crc32c",           "format_version", "threads",
                                     "seed",   "data_fingerprint", "format"};

}  // namespace

Metadata exported_metadata(const EncoderFile& encoder) {
  Metadata metadata = encoder.file.metadata;
  for (const char* key : kOfTheRun) metadata.erase(key);
  return metadata;
}

void write_encoder(const EncoderFile& encoder, const std::string& prefix, const std::string& path) {
  SafetensorsFile file{.metadata = exported_metadata(encoder), .tensors = {}};
  int64_t steps = 0;
  if (const auto step = file.metadata.find("step"); step != file.metadata.end())
    steps = std::stoll(step->second);
  for (const auto& [name, entry] : encoder.file.tensors) {
    file.tensors.emplace(prefix + name, entry);
    if (name.ends_with(kRunningMean))
      file.tensors.emplace(
          prefix + name.substr(0, name.size() - kRunningMean.size()) + ".num_batches_tracked",
          SafetensorsEntry::from<int64_t>({}, {steps}));
  }
  write_safetensors(path, file, /*with_crc=*/true);
}

}  // namespace amcl
