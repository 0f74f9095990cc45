// What the encoder decides that a run starts from.
#pragma once
#include <functional>
#include <string>

#include "train/config/config_resolve.h"

namespace amcl {

// `given` with the network of the encoder at train.init (read_encoder_file, with its `warn`), and with
// images as that has seen them (size, interpolation, mean, deviation) where nothing else was given.
ResolvedConfig with_encoder(ResolvedConfig given,
                            const std::function<void(const std::string&)>& warn);

}  // namespace amcl
