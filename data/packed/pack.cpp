#include "data/packed/pack.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "data/hash.h"
#include "data/packed/packed_image.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"
#include "engine/io/crc32c.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Images that are read and decoded side by side before they are written in their order.
constexpr int64_t kImagesAtOnce = 64;

void check_free(const std::string& file, bool overwrite) {
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (!fs::exists(status)) return;
  if (!fs::is_regular_file(status))
    fail(ErrorKind::usage, file, ": is no file; name the one to make, such as set.amcl");
  if (!overwrite) fail(ErrorKind::usage, file, ": is there already; --overwrite replaces it");
}

uint64_t settings_hash(const PackOptions& options) {
  Hash hash;
  hash.add(&options.size, sizeof options.size);
  return hash.value();
}

}  // namespace

Packer::Packer(Backend& backend, std::string file, PackOptions options)
    : backend_(backend),
      file_(std::move(file)),
      options_(std::move(options)),
      bad_(options_.skip_bad_images, options_.error_limit) {
  check_free(file_, options_.overwrite);
}

void Packer::add(const Dataset& part, Split split) {
  if (!writer_) {
    writer_.emplace(file_, settings_hash(options_));
    report_.resumed = std::ssize(writer_->records());
  }
  describe(part, split);
  const auto first = std::ssize(set_.images);
  for (int64_t begin = 0; begin < part.count();) {
    if (keep_old(part, split, begin)) {
      ++begin;
    } else {
      const int64_t end = std::min(begin + kImagesAtOnce, part.count());
      add_images(part, split, begin, end);
      begin = end;
    }
    if (options_.progress) options_.progress(split, begin, part.count());
  }
  number_ += part.count();
  const int64_t packed = std::ssize(set_.images) - first;
  if (packed > 0) report_.parts.push_back({split, packed, part.passed_over});
  report_.warnings.insert(report_.warnings.end(), part.warnings.begin(), part.warnings.end());
}

PackReport Packer::finish() {
  if (set_.images.empty()) fail(ErrorKind::data, set_.name, ": not one image can be read");
  if (kept_ != report_.resumed) fail_changed(std::ssize(set_.images), "");
  report_.name = set_.name;
  report_.layout = set_.layout;
  report_.left_out = bad_.take_messages();
  report_.bytes = resumable([&] { return writer_->finish(set_); });
  return std::move(report_);
}

// Says with an error of writing that nothing is lost by it.
template <class Write>
int64_t Packer::resumable(const Write& write) const {
  try {
    return write();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    fail(ErrorKind::io, error.what(), "; ", std::ssize(writer_->records()),
         " images are packed and stay there, and the same command goes on from them");
  }
}

void Packer::describe(const Dataset& part, Split split) {
  const ImageExtent extent = resized_extent(part.image_extent(), options_.size);
  PackedHeader& header = set_.header;
  header.measures[static_cast<size_t>(split)] = {part.normalization.mean,
                                                 part.normalization.deviation};
  if (!set_.name.empty()) {
    header.divided = 1;
    if (part.class_names != set_.class_names)
      fail(ErrorKind::data, set_.name, ": its parts have different classes, ",
           set_.class_names.size(), " and ", part.class_names.size(),
           "; labels would not mean the same");
    return;
  }
  set_.name = part.name;
  set_.layout = part.layout;
  if (set_.layout.starts_with(kPackedPrefix)) set_.layout.erase(0, kPackedPrefix.size());
  set_.class_names = part.class_names;
  header.divided = part.files && part.image_extent().height == 0 && split == Split::train ? 0 : 1;
  header.height = static_cast<uint32_t>(extent.height);
  header.width = static_cast<uint32_t>(extent.width);
  header.size = static_cast<uint32_t>(part.size);
  if (options_.size > 0 && part.size > 0)
    header.size = static_cast<uint32_t>(std::min(part.size, options_.size));
}

PackedLabel Packer::label_of(const Dataset& part, Split split, int64_t index) const {
  return {.name = part.image_name(index),
          .label = part.labelled() ? part.labels[static_cast<size_t>(index)] : -1,
          .part = static_cast<uint32_t>(split)};
}

uint64_t Packer::stamp(const Dataset& part, Split split, int64_t index) const {
  const PackedLabel label = label_of(part, split, index);
  Hash hash;
  const uint64_t settings = settings_hash(options_);
  hash.add(&settings, sizeof settings);
  hash.add(label.name);
  hash.add(&label.label, sizeof label.label);
  hash.add(&label.part, sizeof label.part);
  uint64_t state = 0;
  if (part.files) {
    state = part.files->stamp(index);
  } else {
    const std::vector<uint8_t> pixels = part.images.slice(index, index + 1).to_host<uint8_t>();
    state = crc32c(std::as_bytes(std::span(pixels)));
  }
  hash.add(&state, sizeof state);
  return hash.value();
}

// Whether the image is in the records that were there before, or was left out then.
bool Packer::keep_old(const Dataset& part, Split split, int64_t index) {
  if (kept_ == report_.resumed) return false;
  const RecordHead& head = writer_->records()[static_cast<size_t>(kept_)].head;
  const int64_t number = number_ + index;
  if (head.image > number) {
    check_still_bad(part, index);
    return true;
  }
  if (head.stamp != stamp(part, split, index))
    fail_changed(number, concat_text(" (", part.image_name(index), ")"));
  set_.images.push_back(label_of(part, split, index));
  ++kept_;
  return true;
}

// An image that an earlier pack left out.
void Packer::check_still_bad(const Dataset& part, int64_t index) {
  const PackedImage image = PackedImageReader(backend_, part, options_.size).read(index);
  if (!image.error) fail_changed(number_ + index, concat_text(" (", part.image_name(index), ")"));
  bad_.add(number_ + index, *image.error);
}

void Packer::add_images(const Dataset& part, Split split, int64_t begin, int64_t end) {
  std::vector<PackedImage> images(static_cast<size_t>(end - begin));
  parallel_for(end - begin, /*grain=*/1, [&](int64_t first, int64_t last) {
    PackedImageReader reader(backend_, part, options_.size);
    for (int64_t i = first; i < last; ++i) images[static_cast<size_t>(i)] = reader.read(begin + i);
  });
  for (int64_t index = begin; index < end; ++index) {
    const PackedImage& image = images[static_cast<size_t>(index - begin)];
    if (image.error) {
      bad_.add(number_ + index, *image.error);
      continue;
    }
    const uint64_t state = stamp(part, split, index);
    resumable([&] {
      writer_->add(state, static_cast<uint32_t>(number_ + index), image.extent, image.content);
      return 0;
    });
    set_.images.push_back(label_of(part, split, index));
  }
}

void Packer::fail_changed(int64_t number, const std::string& name) const {
  fail(ErrorKind::data, writer_->partial_path(), ": image ", number, name,
       " of the source has changed since this was begun; remove it to begin anew");
}

}  // namespace amcl
