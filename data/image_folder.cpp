#include "data/image_folder.h"

#include <algorithm>

#include "data/bad_images.h"
#include "data/channel_statistics.h"
#include "data/held_out.h"
#include "data/image_files.h"
#include "data/image_reader.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Decoded to measure mean and deviation: about a second.
constexpr int64_t kMeasuredFiles = 256;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The folder that holds the split, or the directory itself if it is not divided into folders; `divided`:
// all images in it are of the split.
fs::path split_folder(const fs::path& directory, Split split, double val_fraction, bool& divided) {
  divided = is_folder(directory / "train") &&
            (is_folder(directory / "val") || is_folder(directory / "test"));
  if (!divided) return directory;
  divided = val_fraction == 0.0;
  if (split == Split::train || !divided) return directory / "train";
  for (const char* folder : {"val", "test"})
    if (is_folder(directory / folder)) return directory / folder;
  return directory;
}

// Gives `images` the classes of the training part: numbered by itself, a part in which a class has no
// image would have other labels.
void number_as(const std::vector<std::string>& classes, const fs::path& folder,
               ListedImages& images) {
  std::vector<int32_t> numbers;
  for (const std::string& name : images.class_names) {
    const auto place = std::lower_bound(classes.begin(), classes.end(), name);
    if (place == classes.end() || *place != name)
      fail(ErrorKind::data, (folder / name).string(), ": a class that the folder train has not (",
           classes.size(), " classes); give it training images, or take it away");
    numbers.push_back(static_cast<int32_t>(place - classes.begin()));
  }
  for (int32_t& label : images.labels) label = numbers[static_cast<size_t>(label)];
  images.class_names = classes;
}

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
  ImageReader reader(device, sample);
  sample.bad_images = std::make_shared<BadImages>(true, dataset.count());
  ChannelStatistics statistics;
  const int64_t step = (dataset.count() + kMeasuredFiles - 1) / kMeasuredFiles;
  for (int64_t index = 0; index < dataset.count(); index += step) {
    try {
      reader.read(index, whole_image);
    } catch (const Error&) {
      if (all_may_be_bad && sample.bad_images->count() == dataset.count()) break;
      throw;
    }
    const std::vector<uint8_t> pixels = reader.pixels().to_host<uint8_t>();
    statistics.add(pixels.data(), std::ssize(pixels) / 3);
  }
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
  bool divided = false;
  const fs::path folder = split_folder(directory, split, options.val_fraction, divided);
  if (split == Split::unlabeled) fail_no_split(directory.string(), split, 0.0);
  const FolderLabels labels = options.layout == "classes"  ? FolderLabels::by_folder
                              : options.layout == "images" ? FolderLabels::none
                                                           : FolderLabels::recognised;
  ListedImages images = list_folder(folder, labels);
  if (divided && split == Split::test && !images.labels.empty()) {
    const std::vector<std::string> classes = list_classes(directory / "train", labels);
    if (!classes.empty()) number_as(classes, folder, images);
  }
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
