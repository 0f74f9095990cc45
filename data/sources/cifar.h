// CIFAR-10 and CIFAR-100 in their binary layouts (Krizhevsky, 2009).
//
//   CIFAR-10   data_batch_{1..5}.bin (or some of them, with a warning), test_batch.bin,
//              batches.meta.txt
//              record: label, 1024 red, 1024 green, 1024 blue                         3,073 bytes
//   CIFAR-100  train.bin, test.bin, fine_label_names.txt
//              record: coarse label, fine label, 1024 red, 1024 green, 1024 blue      3,074 bytes
//
// A file may hold any number of records.
#pragma once
#include <filesystem>
#include <optional>

#include "data/dataset.h"

namespace amcl {

// The set in `directory` or in the folder of the official archive inside it; nothing if neither
// holds a file of the two layouts. Errors: missing, if the files of this split are not there; data,
// if a size or a label is wrong; io, if a file cannot be read.
std::optional<Dataset> open_cifar(Device& device, const std::filesystem::path& directory,
                                  Split split, int64_t limit);

}  // namespace amcl
