// STL-10 in its binary layout (Coates, Lee, Ng, 2011).
//
//   train_X.bin, test_X.bin, unlabeled_X.bin   per image 3 x 96 x 96 bytes: red, green and blue
//                                              plane, each column by column
//   train_y.bin, test_y.bin                    per image a label, 1 to 10
//   class_names.txt
//
// A file may hold any number of images.
#pragma once
#include <filesystem>
#include <optional>

#include "data/dataset.h"

namespace amcl {

// The set in `directory` or in the folder of the official archive inside it; nothing if neither
// holds a file of the layout. Images stay in their file until they are wanted (Dataset::files): the
// unlabeled ones are 2.8 GB. Labels become 0 to 9; without a file of labels there are none.
// Errors: missing, if the images of this split are not there; data, if a size or a label is wrong;
// io, if a file cannot be read.
std::optional<Dataset> open_stl10(Device& device, const std::filesystem::path& directory,
                                  Split split, int64_t limit);

}  // namespace amcl
