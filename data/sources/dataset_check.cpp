#include "data/sources/dataset_check.h"

#include <algorithm>
#include <tuple>

#include "data/hash.h"
#include "data/sources/dataset_parts.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Images decoded between two calls of the progress function.
constexpr int64_t kImagesAtOnce = 256;

// shapes10 is described by what pretrain makes of it by default.
constexpr uint64_t kSeed = 1;

PartSummary summary_of(const Dataset& part, Split split) {
  PartSummary summary;
  summary.split = split;
  summary.images = part.count();
  summary.view = part.view_extent();
  summary.normalization = part.normalization;
  summary.passed_over = part.passed_over;
  summary.warnings = part.warnings;
  for (const int32_t label : part.labels) ++summary.labels[label];
  return summary;
}

// The first part names the set.
void add_part(DatasetSummary& summary, const Dataset& part, PartSummary added) {
  if (summary.parts.empty()) {
    summary.name = part.name;
    summary.layout = part.layout;
    summary.class_names = part.class_names;
  }
  summary.parts.push_back(std::move(added));
}

ExtentRange sample_extents(const Dataset& part) {
  ExtentRange range;
  if (!part.files) {
    range.add(part.image_extent());
    range.images = part.count();
    return range;
  }
  const ImageFiles& files = *part.files;
  const bool known = files.known_extent(0).height > 0;
  const int64_t step = known ? 1 : (files.count() + kSampledFiles - 1) / kSampledFiles;
  ImageDecoder decoder;
  std::vector<uint8_t> buffer;
  for (int64_t index = 0; index < files.count(); index += step) {
    try {
      range.add(known ? files.known_extent(index) : decoder.extent(files.content(index, buffer)));
    } catch (const Error&) {
      continue;  // verify names those
    }
  }
  return range;
}

// An image and what it is compared by.
struct Compared {
  uint64_t hash = 0;
  size_t part = 0;
  int64_t image = 0;

  auto order() const { return std::tie(hash, part, image); }
};

std::vector<ImageCheck> check_memory(const Dataset& part, int64_t begin, int64_t end) {
  std::vector<ImageCheck> checks(static_cast<size_t>(end - begin));
  parallel_for(end - begin, /*grain=*/16, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const std::vector<uint8_t> pixels =
          part.images.slice(begin + i, begin + i + 1).to_host<uint8_t>();
      checks[static_cast<size_t>(i)] = {.image = begin + i,
                                        .extent = part.image_extent(),
                                        .pixel_hash = hash_of_pixels(pixels, part.images.dim(2)),
                                        .error = {}};
    }
  });
  return checks;
}

class Verifying {
 public:
  explicit Verifying(const std::function<void(Split, int64_t, int64_t)>& progress)
      : progress_(progress) {}

  void add(const Dataset& part, Split split) {
    PartSummary summary = summary_of(part, split);
    const size_t number = result_.summary.parts.size();
    for (int64_t begin = 0; begin < part.count(); begin += kImagesAtOnce) {
      const int64_t end = std::min(begin + kImagesAtOnce, part.count());
      for (ImageCheck& check : part.files
                                   ? check_images(*part.files, begin, end, /*hash_pixels=*/true)
                                   : check_memory(part, begin, end)) {
        if (!check.error.empty()) {
          summary.damaged.push_back(std::move(check));
          continue;
        }
        summary.extents.add(check.extent);
        compared_.push_back({check.pixel_hash, number, check.image});
      }
      progress_(split, end, part.count());
    }
    std::vector<std::string>& names = names_.emplace_back();
    for (int64_t index = 0; index < part.count(); ++index) names.push_back(part.image_name(index));
    add_part(result_.summary, part, std::move(summary));
  }

  DatasetVerification finish() {
    std::sort(compared_.begin(), compared_.end(),
              [](const Compared& a, const Compared& b) { return a.order() < b.order(); });
    const Compared* first = nullptr;
    for (const Compared& image : compared_) {
      if (first != nullptr && first->hash == image.hash)
        result_.duplicates.push_back({.image = name(image),
                                      .earlier = name(*first),
                                      .split = result_.summary.parts[image.part].split,
                                      .earlier_split = result_.summary.parts[first->part].split});
      else
        first = &image;
    }
    std::sort(result_.duplicates.begin(), result_.duplicates.end(),
              [](const Duplicate& a, const Duplicate& b) {
                return std::tie(a.split, a.image) < std::tie(b.split, b.image);
              });
    return std::move(result_);
  }

 private:
  const std::string& name(const Compared& image) const {
    return names_[image.part][static_cast<size_t>(image.image)];
  }

  const std::function<void(Split, int64_t, int64_t)>& progress_;
  DatasetVerification result_;
  std::vector<Compared> compared_;
  std::vector<std::vector<std::string>> names_;  // of the images of each part
};

}  // namespace

void ExtentRange::add(ImageExtent extent) {
  if (images == 0) least = most = extent;
  least = {std::min(least.height, extent.height), std::min(least.width, extent.width)};
  most = {std::max(most.height, extent.height), std::max(most.width, extent.width)};
  ++images;
}

int64_t DatasetVerification::damaged() const {
  int64_t count = 0;
  for (const PartSummary& part : summary.parts) count += std::ssize(part.damaged);
  return count;
}

DatasetSummary describe_dataset(Device& device, const std::string& source,
                                const DatasetOptions& options) {
  DatasetSummary summary;
  for_each_part(device, source, kSeed, options, [&](const Dataset& part, Split split) {
    PartSummary described = summary_of(part, split);
    described.extents = sample_extents(part);
    add_part(summary, part, std::move(described));
  });
  return summary;
}

DatasetVerification verify_dataset(
    Device& device, const std::string& source, const DatasetOptions& options,
    const std::function<void(Split part, int64_t done, int64_t count)>& progress) {
  Verifying verifying(progress);
  DatasetOptions any = options;
  any.all_may_be_bad = true;  // each of them is named
  for_each_part(device, source, kSeed, any,
                [&](const Dataset& part, Split split) { verifying.add(part, split); });
  return verifying.finish();
}

}  // namespace amcl
