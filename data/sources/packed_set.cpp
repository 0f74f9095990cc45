#include "data/sources/packed_set.h"

#include <algorithm>

#include "data/packed/packed_file.h"
#include "data/sources/held_out.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Whether an image belongs to the split, as in the source that was packed.
bool belongs(const PackedFile& packed, int64_t image, Split split, double val_fraction) {
  const auto is_in = [&](Split part) {
    return packed.entry(image).part == static_cast<uint32_t>(part);
  };
  const bool divided = packed.header().divided != 0;
  if (divided && (val_fraction == 0.0 || split == Split::unlabeled)) return is_in(split);
  if (divided && !is_in(Split::train)) return false;
  return on_side_of(split, packed.name(image), val_fraction);
}

void check_labels(const std::string& path, const Dataset& dataset) {
  const auto unlabelled = std::count(dataset.labels.begin(), dataset.labels.end(), -1);
  if (unlabelled != 0)
    fail(ErrorKind::data, path, ": ", unlabelled, " of ", dataset.labels.size(),
         " images have no label, the others have one");
  if (dataset.class_names.empty()) return;
  for (const int32_t label : dataset.labels)
    if (label >= std::ssize(dataset.class_names))
      fail(ErrorKind::data, path, ": label ", label, ", but ", dataset.class_names.size(),
           " class names");
}

[[noreturn]] void fail_no_split(const std::string& path, Split split, bool divided) {
  const char* remedy = divided ? "it was packed without"
                       : split == Split::unlabeled
                           ? "choose --split train"
                           : "hold some back with --val-fraction 0.1, in training too";
  fail(ErrorKind::missing, path, ": no ", name_of(split), " images: ", remedy);
}

}  // namespace

Dataset open_packed(const fs::path& file, Split split, int64_t limit,
                    const DatasetOptions& options) {
  auto packed = std::make_shared<const PackedFile>(file.string());
  const PackedHeader& header = packed->header();
  Dataset dataset;
  std::vector<int64_t> indices;
  bool labelled = false;
  const bool divided = header.divided != 0;
  const bool possible = divided || split != Split::unlabeled;
  for (int64_t image = 0; possible && image < packed->count(); ++image) {
    if (!belongs(*packed, image, split, options.val_fraction)) continue;
    indices.push_back(image);
    dataset.labels.push_back(packed->entry(image).label);
    labelled |= dataset.labels.back() >= 0;
    if (limit > 0 && std::ssize(indices) == limit) break;
  }
  if (indices.empty() && possible && options.val_fraction > 0.0)
    fail_empty_side(file.string(), split, options.val_fraction);
  if (indices.empty()) fail_no_split(file.string(), split, divided);
  if (!labelled) dataset.labels.clear();
  dataset.name = packed->set_name();
  dataset.layout = std::string(kPackedPrefix) + packed->layout();
  dataset.class_names = packed->class_names();
  dataset.size = options.size > 0 ? options.size : header.size;
  dataset.file_extent = {header.height, header.width};
  const PackedMeasure& measure = header.measures[divided ? static_cast<size_t>(split) : 0];
  dataset.normalization = {measure.mean, measure.deviation};
  dataset.bad_images = std::make_shared<BadImages>(options.skip_bad_images, options.error_limit);
  dataset.files = std::make_shared<SelectedFiles>(std::move(packed), std::move(indices));
  check_labels(file.string(), dataset);
  return dataset;
}

}  // namespace amcl
