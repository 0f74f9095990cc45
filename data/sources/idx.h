// The IDX layout of MNIST, Fashion-MNIST and their kin (LeCun): big-endian u32 magic and extents,
// then bytes.
//
//   {train,t10k}-images-idx3-ubyte   2051, n, rows, columns, then n gray images row by row
//   {train,t10k}-labels-idx1-ubyte   2049, n, then n labels
//
// Each file may be compressed (its name plus .gz) and may be called train-images.idx3-ubyte, as
// some mirrors do. Gray becomes RGB by repetition.
#pragma once
#include <filesystem>
#include <optional>

#include "data/dataset.h"

namespace amcl {

// The set in `directory`, or in raw/ or MNIST/raw/ or FashionMNIST/raw/ inside it (where
// torchvision puts it); nothing if none holds a file of images. Without a file of labels there are
// none. Errors: missing, if the images of this split are not there; data, if a header or a size is
// wrong; io, if a file cannot be read.
std::optional<Dataset> open_idx(Device& device, const std::filesystem::path& directory, Split split,
                                int64_t limit);

}  // namespace amcl
