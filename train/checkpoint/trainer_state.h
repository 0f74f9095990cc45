// What a run needs besides tensors to go on, as the metadata of its checkpoints.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "engine/backend/op_specs.h"

namespace amcl {

struct TrainerState {
  int64_t epoch = 0;  // finished epochs
  int64_t step = 0;   // finished steps since the start of the run, over all epochs
  uint64_t seed = 0;
  int64_t threads = 1;
  std::string config;            // the resolved configuration, TOML
  std::string data_fingerprint;  // Dataset::fingerprint
  ImageNormalization normalization;
  std::string commit;  // of the program that wrote it
};

std::map<std::string, std::string> to_metadata(const TrainerState& state);

// `path` is the file, for messages. Error(data) if it is of a newer format, if a key is missing or
// its value cannot be.
TrainerState trainer_state_from(const std::map<std::string, std::string>& metadata,
                                const std::string& path);

}  // namespace amcl
