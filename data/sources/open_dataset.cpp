#include "data/sources/open_dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "data/packed/packed_file.h"
#include "data/sources/cifar.h"
#include "data/sources/held_out.h"
#include "data/sources/idx.h"
#include "data/sources/image_folder.h"
#include "data/sources/packed_set.h"
#include "data/sources/shapes.h"
#include "data/sources/stl10.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

struct Layout {
  const char* name;   // of the option --layout
  const char* files;  // for the message that none of them is there
  std::optional<Dataset> (*open)(Device&, const fs::path&, Split, int64_t);
};

// In the order in which a directory is tried.
constexpr Layout kLayouts[] = {
    {"cifar",
     "data_batch_1.bin to data_batch_5.bin or test_batch.bin (CIFAR-10), train.bin or test.bin "
     "(CIFAR-100)",
     open_cifar},
    {"stl10", "train_X.bin, test_X.bin or unlabeled_X.bin (STL-10)", open_stl10},
    {"idx", "train-images-idx3-ubyte or t10k-images-idx3-ubyte (MNIST), also with .gz", open_idx},
};

constexpr const char* kAnyLayout = "auto";

// Layouts of image files (data/sources/image_folder.h).
constexpr const char* kFileLayouts[] = {"classes", "images"};
constexpr const char* kListLayout = "list";
constexpr const char* kPackedLayout = "packed";

// Files that show that a directory holds CIFAR as pickled Python objects.
constexpr const char* kPickledFiles[] = {"data_batch_1", "test_batch", "train", "test"};
constexpr const char* kPickledFolders[] = {"", "cifar-10-batches-py", "cifar-100-python"};

bool holds_pickled_cifar(const fs::path& directory) {
  std::error_code ignored;
  for (const char* folder : kPickledFolders)
    for (const char* file : kPickledFiles)
      if (fs::is_regular_file(directory / folder / file, ignored)) return true;
  return false;
}

void refuse_pickled_cifar(const fs::path& directory) {
  if (holds_pickled_cifar(directory))
    fail(ErrorKind::missing, directory.string(),
         ": holds CIFAR for Python (pickled); the binary version is needed: "
         "cifar-10-binary.tar.gz or cifar-100-binary.tar.gz");
}

// A set that has test images of its own: they, or what --val-fraction holds back instead.
std::optional<Dataset> open_side(
    Split split, int64_t limit, const DatasetOptions& options,
    const std::function<std::optional<Dataset>(Split, int64_t)>& open_part) {
  if (options.val_fraction == 0.0 || split == Split::unlabeled) return open_part(split, limit);
  std::optional<Dataset> training = open_part(Split::train, 0);
  if (training) training = take_side(std::move(*training), split, options.val_fraction, limit);
  return training;
}

Dataset open_directory(Device& device, const fs::path& directory, Split split, int64_t limit,
                       const DatasetOptions& options) {
  const bool any = options.layout == kAnyLayout;
  for (const Layout& layout : kLayouts) {
    if (!any && options.layout != layout.name) continue;
    const auto open_part = [&](Split part, int64_t part_limit) {
      return layout.open(device, directory, part, part_limit);
    };
    if (std::optional<Dataset> dataset = open_side(split, limit, options, open_part)) {
      dataset->size = options.size;
      return std::move(*dataset);
    }
    if (!any)
      fail(ErrorKind::missing, directory.string(), ": holds no data set of the layout ",
           layout.name, "; looked for ", layout.files);
  }
  if (options.layout == kListLayout || options.layout == kPackedLayout)
    fail(ErrorKind::missing, directory.string(), ": is a directory; --layout ", options.layout,
         " needs a file");
  if (any) refuse_pickled_cifar(directory);
  return open_folder(device, directory, split, limit, options);
}

Dataset open_file(Device& device, const fs::path& file, Split split, int64_t limit,
                  const DatasetOptions& options) {
  const bool any = options.layout == kAnyLayout;
  if (options.layout == kPackedLayout || (any && is_packed_file(file.string())))
    return open_packed(file, split, limit, options);
  if (!any && options.layout != kListLayout)
    fail(ErrorKind::missing, file.string(), ": is not a directory; --layout ", options.layout,
         " needs the one that holds the files");
  return open_list(device, file, split, limit, options);
}

void set_channels(const std::optional<std::array<double, 3>>& given,
                  std::array<float, 3>& channels) {
  if (given)
    std::transform(given->begin(), given->end(), channels.begin(),
                   [](double value) { return static_cast<float>(value); });
}

Dataset open_source(Device& device, const std::string& source, Split split, int64_t limit,
                    uint64_t seed, const DatasetOptions& options) {
  if (source.empty()) fail(ErrorKind::usage, "data: give a directory, or shapes10");
  if (source == "shapes10") {
    const auto open_part = [&](Split part, int64_t part_limit) {
      return std::optional(make_shapes(device, part, part_limit, seed));
    };
    Dataset dataset = *open_side(split, limit, options, open_part);
    dataset.size = options.size;
    return dataset;
  }
  const std::vector<std::string> known = dataset_layouts();
  AMCL_CHECK(std::find(known.begin(), known.end(), options.layout) != known.end(), "layout: '",
             options.layout, "' is not known");
  const fs::path path(source);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    fail(ErrorKind::missing, source,
         ": no such file or directory; give one that holds images, or shapes10");
  if (error) fail(ErrorKind::io, source, ": cannot be read: ", error.message());
  return fs::is_directory(status) ? open_directory(device, path, split, limit, options)
                                  : open_file(device, path, split, limit, options);
}

}  // namespace

std::vector<std::string> dataset_layouts() {
  std::vector<std::string> names{kAnyLayout};
  for (const Layout& layout : kLayouts) names.emplace_back(layout.name);
  names.insert(names.end(), std::begin(kFileLayouts), std::end(kFileLayouts));
  names.emplace_back(kListLayout);
  names.emplace_back(kPackedLayout);
  return names;
}

Dataset open_dataset(Device& device, const std::string& source, Split split, int64_t limit,
                     uint64_t seed, const DatasetOptions& options) {
  Dataset dataset = open_source(device, source, split, limit, seed, options);
  dataset.reduce_decoding = options.reduce_decoding;
  dataset.interpolation = options.interpolation;
  set_channels(options.mean, dataset.normalization.mean);
  set_channels(options.deviation, dataset.normalization.deviation);
  for (const float deviation : dataset.normalization.deviation)
    AMCL_CHECK(std::isnormal(deviation), "deviation: ", deviation, " of ", source,
               " is nothing to divide by; give one with --deviation R,G,B");
  return dataset;
}

}  // namespace amcl
