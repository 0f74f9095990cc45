#include "data/sources/image_folder.h"

#include <algorithm>

#include "data/bad_images.h"
#include "data/image_files.h"
#include "data/image_reader.h"
#include "data/sources/channel_statistics.h"
#include "data/sources/good_images.h"
#include "data/sources/held_out.h"
#include "data/sources/part_folders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Decoded to measure mean and deviation: about a second.
constexpr int64_t kMeasuredFiles = 256;

// The indices of the split, at most `limit`; `divided`: all images are of that split.
std::vector<int64_t> select(const ListedImages& images, Split split, bool divided, int64_t limit,
                            double val_fraction) {
  std::vector<int64_t> indices;
  for (int64_t index = 0; index < std::ssize(images.names); ++index) {
    const std::string& name = images.names[static_cast<size_t>(index)];
    if (divided || on_side_of(split, name, val_fraction)) indices.push_back(index);
    if (limit > 0 && std::ssize(indices) == limit) break;
  }
  return indices;
}

ImageNormalization measure_files(Device& device, const Dataset& dataset, bool all_may_be_bad) {
  // Bad images are left out here; they are reported when they are needed.
  Dataset sample = dataset;
  sample.bad_images = std::make_shared<BadImages>(true, dataset.count());
  ImageReader reader(device, sample);
  ChannelStatistics statistics;
  const auto measure = [&](int64_t index) {
    if (!reader.read(index, whole_image)) return false;
    const std::vector<uint8_t> pixels = reader.pixels().to_host<uint8_t>();
    statistics.add(pixels.data(), std::ssize(pixels) / 3);
    return true;
  };
  const int64_t step = (dataset.count() + kMeasuredFiles - 1) / kMeasuredFiles;
  bool measured = false;
  for (int64_t index = 0; index < dataset.count(); index += step) measured |= measure(index);
  for (int64_t index = 0; index < dataset.count() && !measured; ++index) measured = measure(index);
  if (!measured && !all_may_be_bad)
    fail(ErrorKind::data, dataset.name, ": not one of its ", dataset.count(),
         " images can be read; the first one: ", check_images(*dataset.files, 0, 1).front().error);
  return statistics.result();
}

Dataset make_dataset(Device& device, const std::string& source, const ListedImages& images,
                     std::vector<int64_t> indices, const DatasetOptions& options) {
  Dataset dataset;
  dataset.name = fs::path(source).lexically_normal().filename().string();
  if (dataset.name.empty() || dataset.name == ".") dataset.name = source;
  dataset.layout = images.layout;
  dataset.class_names = images.class_names;
  dataset.files = std::make_shared<DirectoryFiles>(images.directory, images.names);
  // Of all images, so that neither a limit nor a part that is held back changes a view.
  if (!options.mean || !options.deviation)
    dataset.normalization = measure_files(device, dataset, options.all_may_be_bad);
  if (!images.labels.empty())
    for (const int64_t index : indices)
      dataset.labels.push_back(images.labels[static_cast<size_t>(index)]);
  dataset.files = std::make_shared<SelectedFiles>(dataset.files, std::move(indices));
  dataset.size = options.size > 0 ? options.size : kFileViewSize;
  dataset.bad_images = std::make_shared<BadImages>(options.skip_bad_images, options.error_limit);
  dataset.passed_over = images.passed_over;
  if (std::string warning = images.passed_over.warning(source, std::ssize(images.names));
      !warning.empty())
    dataset.warnings.push_back(std::move(warning));
  return dataset;
}

[[noreturn]] void fail_no_split(const std::string& source, Split split, double val_fraction) {
  if (split == Split::unlabeled)
    fail(ErrorKind::usage, "split: ", source, " has no unlabeled images; choose train or test");
  if (val_fraction > 0.0) fail_empty_side(source, split, val_fraction);
  fail(ErrorKind::missing, source, ": no ", name_of(split),
       " images: make folders train and val, or hold some back with --val-fraction 0.1");
}

}  // namespace

Dataset open_folder(Device& device, const fs::path& directory, Split split, int64_t limit,
                    const DatasetOptions& options) {
  if (split == Split::unlabeled) fail_no_split(directory.string(), split, 0.0);
  const FolderLabels labels = options.layout == "classes"  ? FolderLabels::by_folder
                              : options.layout == "images" ? FolderLabels::none
                                                           : FolderLabels::recognised;
  const std::optional<PartFolders> parts = find_part_folders(directory);
  // Whether all images of a folder are of the split.
  const bool divided = parts && options.val_fraction == 0.0;
  ListedImages images;
  if (divided && split == Split::test)
    images = list_folder(parts->test, labels, list_classes(parts->train, labels));
  else
    images = list_folder(parts ? parts->train : directory, labels);
  if (parts)
    images.passed_over.folders = parts->others;
  else if (labels == FolderLabels::recognised && !images.labels.empty())
    refuse_parts_as_classes(directory, images.class_names);
  std::vector<int64_t> indices = select(images, split, divided, limit, options.val_fraction);
  if (indices.empty()) fail_no_split(directory.string(), split, options.val_fraction);
  return make_dataset(device, directory.string(), images, std::move(indices), options);
}

Dataset open_list(Device& device, const fs::path& file, Split split, int64_t limit,
                  const DatasetOptions& options) {
  if (split == Split::unlabeled) fail_no_split(file.string(), split, 0.0);
  const ListedImages images = read_image_list(file);
  std::vector<int64_t> indices = select(images, split, false, limit, options.val_fraction);
  if (indices.empty()) fail_no_split(file.string(), split, options.val_fraction);
  return make_dataset(device, file.string(), images, std::move(indices), options);
}

}  // namespace amcl
