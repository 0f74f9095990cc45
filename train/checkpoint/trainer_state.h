// What a run needs besides tensors to go on, as the metadata of its checkpoints.
#pragma once
#include <cstdint>
#include <string>

#include "train/checkpoint/metadata_text.h"

namespace amcl {

struct TrainerState {
  int64_t epoch = 0;  // finished epochs
  int64_t step = 0;   // finished steps since the start of the run, over all epochs
  uint64_t seed = 0;
  int64_t threads = 1;
  std::string config;            // the resolved configuration, TOML
  std::string data_fingerprint;  // Dataset::fingerprint
  std::string commit;            // of the program that wrote it
};

Metadata to_metadata(const TrainerState& state);

// `path` is the file, for messages. Error(data) if it is of a newer format, if a key is missing or
// its value cannot be.
TrainerState trainer_state_from(const Metadata& metadata, const std::string& path);

}  // namespace amcl
