#include "train/checkpoint/trainer_state.h"

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int64_t kFormatVersion = 1;
constexpr int64_t kMostThreads = 1024;  // as of the setting

}  // namespace

Metadata to_metadata(const TrainerState& state) {
  return {{"format_version", metadata_text(kFormatVersion)},
          {"epoch", metadata_text(state.epoch)},
          {"step", metadata_text(state.step)},
          {"seed", metadata_text(state.seed)},
          {"threads", metadata_text(state.threads)},
          {"config", state.config},
          {"data_fingerprint", state.data_fingerprint},
          {"commit", state.commit}};
}

TrainerState trainer_state_from(const Metadata& metadata, const std::string& path) {
  const MetadataReader reader(metadata, path);
  const auto version = reader.number<int64_t>("format_version", 1, INT64_MAX);
  if (version > kFormatVersion)
    fail(ErrorKind::data, path, " has checkpoint format ", version, ", this program reads up to ",
         kFormatVersion, "; use a newer amcl");
  return {.epoch = reader.number<int64_t>("epoch", 0, INT64_MAX),
          .step = reader.number<int64_t>("step", 0, INT64_MAX),
          .seed = reader.number<uint64_t>("seed", 0, UINT64_MAX),
          .threads = reader.number<int64_t>("threads", 1, kMostThreads),
          .config = reader.text("config"),
          .data_fingerprint = reader.text("data_fingerprint"),
          .commit = reader.text("commit")};
}

}  // namespace amcl
