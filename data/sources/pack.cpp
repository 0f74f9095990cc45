#include "data/sources/pack.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "data/hash.h"
#include "data/packed/packed_writer.h"
#include "data/sources/dataset_parts.h"
#include "data/sources/packed_set.h"
#include "data/views/augment_policy.h"
#include "data/views/pixel_bytes.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"
#include "engine/io/crc32c.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Images that are read and decoded side by side before they are written in their order.
constexpr int64_t kImagesAtOnce = 64;

// An image as it is stored.
struct StoredImage {
  std::vector<uint8_t> content;
  ImageExtent extent;
  std::optional<Error> error;  // of the source's image
};

void store_pixels(const std::vector<uint8_t>& pixels, ImageExtent extent, StoredImage& image) {
  const std::string head = concat_text("P6 ", extent.width, ' ', extent.height, " 255\n");
  image.content.assign(head.begin(), head.end());
  image.content.insert(image.content.end(), pixels.begin(), pixels.end());
  image.extent = extent;
}

// The shorter side becomes `size`, as by torchvision's Resize; smaller images stay.
ImageExtent resized_extent(ImageExtent extent, int64_t size) {
  const int64_t shorter = std::min(extent.height, extent.width);
  if (size == 0 || shorter <= size) return extent;
  return {extent.height * size / shorter, extent.width * size / shorter};
}

// For one thread.
class ImageStore {
 public:
  ImageStore(Backend& backend, const Dataset& source, int64_t size)
      : backend_(backend),
        source_(source),
        size_(size),
        decoder_(source.files ? &source.files->decode_memory() : nullptr) {}

  void read(int64_t index, StoredImage& image) {
    if (!source_.files) return store(source_.images.slice(index, index + 1), image);
    std::string place;  // before the reason, where the reason does not name it
    try {
      const std::span<const uint8_t> file = source_.files->content(index, buffer_);
      place = source_.files->place(index) + ": ";
      decoder_.decode(file, decoded_);
      image.extent = {decoded_.box.height, decoded_.box.width};
      if (size_ == 0) image.content.assign(file.begin(), file.end());
    } catch (const Error& error) {
      image.error.emplace(error.kind(), place + error.what());
      return;
    }
    if (size_ == 0) return;
    decoded_.pixels.resize(decoded_.bytes());
    store(Tensor::from_host<uint8_t>(backend_, {1, image.extent.height, image.extent.width, 3},
                                     decoded_.pixels),
          image);
  }

 private:
  // Pixels u8 [1, H, W, 3].
  void store(const Tensor& pixels, StoredImage& image) {
    const ImageExtent extent{pixels.dim(1), pixels.dim(2)};
    const ImageExtent resized = resized_extent(extent, size_);
    if (resized == extent) return store_pixels(pixels.to_host<uint8_t>(), extent, image);
    const ViewParameters whole = identity_view(0, extent.height, extent.width);
    Tensor values = Tensor::empty(backend_, {1, resized.height, resized.width, 3}, DType::f32);
    backend_.augment(pixels, {&whole, 1}, {}, values);
    store_pixels(pixel_bytes(values), resized, image);
  }

  Backend& backend_;
  const Dataset& source_;
  int64_t size_;
  ImageDecoder decoder_;
  DecodedImage decoded_;
  std::vector<uint8_t> buffer_;
};

// Goes through the parts of a source in their order and leaves out of work what the file holds.
class Packing {
 public:
  Packing(Backend& backend, const std::string& file, const PackOptions& options)
      : backend_(backend),
        options_(options),
        bad_(options.skip_bad_images, options.error_limit),
        writer_(file, settings_hash(options)) {
    report_.resumed = std::ssize(writer_.records());
  }

  void add_part(const Dataset& part, Split split) {
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

  PackReport finish() {
    if (set_.images.empty()) fail(ErrorKind::data, set_.name, ": not one image can be read");
    if (kept_ != report_.resumed) fail_changed(std::ssize(set_.images), "");
    report_.name = set_.name;
    report_.layout = set_.layout;
    report_.left_out = bad_.take_messages();
    report_.bytes = resumable([&] { return writer_.finish(set_); });
    return std::move(report_);
  }

 private:
  static uint64_t settings_hash(const PackOptions& options) {
    Hash hash;
    hash.add(&options.size, sizeof options.size);
    return hash.value();
  }

  void describe(const Dataset& part, Split split) {
    const ImageExtent extent = resized_extent_of(part);
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

  ImageExtent resized_extent_of(const Dataset& part) const {
    const ImageExtent extent = part.image_extent();
    return extent.height == 0 ? extent : resized_extent(extent, options_.size);
  }

  uint64_t stamp(const Dataset& part, Split split, int64_t index) const {
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

  PackedLabel label_of(const Dataset& part, Split split, int64_t index) const {
    return {.name = part.image_name(index),
            .label = part.labelled() ? part.labels[static_cast<size_t>(index)] : -1,
            .part = static_cast<uint32_t>(split)};
  }

  // Whether the image is in the records that were there before, or was left out then.
  bool keep_old(const Dataset& part, Split split, int64_t index) {
    if (kept_ == report_.resumed) return false;
    const RecordHead& head = writer_.records()[static_cast<size_t>(kept_)].head;
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
  void check_still_bad(const Dataset& part, int64_t index) {
    StoredImage image;
    ImageStore(backend_, part, options_.size).read(index, image);
    if (!image.error) fail_changed(number_ + index, concat_text(" (", part.image_name(index), ")"));
    bad_.add(number_ + index, *image.error);
  }

  [[noreturn]] void fail_changed(int64_t number, const std::string& name) const {
    fail(ErrorKind::data, writer_.partial_path(), ": image ", number, name,
         " of the source has changed since this was begun; remove it to begin anew");
  }

  void add_images(const Dataset& part, Split split, int64_t begin, int64_t end) {
    std::vector<StoredImage> images(static_cast<size_t>(end - begin));
    parallel_for(end - begin, /*grain=*/1, [&](int64_t first, int64_t last) {
      ImageStore store(backend_, part, options_.size);
      for (int64_t i = first; i < last; ++i) store.read(begin + i, images[static_cast<size_t>(i)]);
    });
    for (int64_t index = begin; index < end; ++index) {
      const StoredImage& image = images[static_cast<size_t>(index - begin)];
      if (image.error) {
        bad_.add(number_ + index, *image.error);
        continue;
      }
      const uint64_t state = stamp(part, split, index);
      resumable([&] {
        writer_.add(state, static_cast<uint32_t>(number_ + index), image.extent, image.content);
        return 0;
      });
      set_.images.push_back(label_of(part, split, index));
    }
  }

  // Says with an error of writing that nothing is lost by it.
  template <class Write>
  int64_t resumable(const Write& write) const {
    try {
      return write();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::io) throw;
      fail(ErrorKind::io, error.what(), "; ", std::ssize(writer_.records()),
           " images are packed and stay there, and the same command goes on from them");
    }
  }

  Backend& backend_;
  const PackOptions& options_;
  BadImages bad_;
  PackedWriter writer_;
  PackedSet set_;
  PackReport report_;
  int64_t number_ = 0;  // of the first image of the part in work, among all of the source
  int64_t kept_ = 0;    // records of an earlier pack that belong to the source
};

void check_free(const std::string& file, bool overwrite) {
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (!fs::exists(status)) return;
  if (!fs::is_regular_file(status))
    fail(ErrorKind::usage, file, ": is no file; name the one to make, such as set.amcl");
  if (!overwrite) fail(ErrorKind::usage, file, ": is there already; --overwrite replaces it");
}

}  // namespace

PackReport pack_dataset(Backend& backend, const std::string& source, const std::string& file,
                        const PackOptions& options) {
  check_free(file, options.overwrite);
  std::optional<Packing> packing;
  for_each_part(backend, source, options.seed, {.layout = options.layout},
                [&](const Dataset& part, Split split) {
                  if (!packing) packing.emplace(backend, file, options);
                  packing->add_part(part, split);
                });
  return packing->finish();
}

}  // namespace amcl
