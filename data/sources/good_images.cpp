#include "data/sources/good_images.h"

#include <algorithm>
#include <numeric>

#include "data/hash.h"
#include "data/sources/select_images.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"

namespace amcl {
namespace {

// Descriptions of as many images are in memory.
constexpr int64_t kCheckedAtOnce = 4096;

}  // namespace

std::vector<ImageCheck> check_images(const ImageFiles& files, int64_t begin, int64_t end,
                                     bool hash_pixels) {
  std::vector<ImageCheck> checks(static_cast<size_t>(end - begin));
  parallel_for(end - begin, /*grain=*/1, [&](int64_t first, int64_t last) {
    ImageDecoder decoder(&files.decode_memory());
    DecodedImage image;
    std::vector<uint8_t> buffer;
    for (int64_t place_in_range = first; place_in_range < last; ++place_in_range) {
      const int64_t index = begin + place_in_range;
      ImageCheck& check = checks[static_cast<size_t>(place_in_range)];
      check.image = index;
      std::string place;  // before the reason, where the reason does not name it
      try {
        const ImageContent content = files.content(index, buffer);
        place = files.place(index) + ": ";
        decoder.decode(content, image);
        check.extent = {image.box.height, image.box.width};
        if (hash_pixels)
          check.pixel_hash =
              hash_of_pixels(std::span(image.pixels).first(image.bytes()), image.box.width);
      } catch (const Error& error) {
        check.error = place + error.what();
      }
    }
  });
  return checks;
}

std::vector<int64_t> readable_images(const Dataset& dataset, int64_t begin, int64_t end) {
  std::vector<int64_t> images(static_cast<size_t>(end - begin));
  std::iota(images.begin(), images.end(), begin);
  if (!dataset.files || !dataset.bad_images->skips()) return images;
  images.clear();
  for (const ImageCheck& check : check_images(*dataset.files, begin, end)) {
    if (check.error.empty())
      images.push_back(check.image);
    else
      dataset.bad_images->add(check.image, Error(ErrorKind::data, check.error));
  }
  return images;
}

std::vector<int64_t> good_images(const Dataset& dataset, std::span<const int64_t> images,
                                 int64_t wanted) {
  const auto few = [](std::span<const int64_t> of, int64_t most) {
    return of.first(std::min(of.size(), static_cast<size_t>(most)));
  };
  if (!dataset.files || !dataset.bad_images->skips()) {
    const std::span<const int64_t> all = few(images, wanted);
    return {all.begin(), all.end()};
  }
  std::vector<int64_t> good;
  while (!images.empty() && std::ssize(good) < wanted) {
    const std::span<const int64_t> next =
        few(images, std::min(wanted - std::ssize(good), kCheckedAtOnce));
    const SelectedFiles files(dataset.files, {next.begin(), next.end()});
    for (const ImageCheck& check : check_images(files, 0, files.count())) {
      const int64_t image = next[static_cast<size_t>(check.image)];
      if (check.error.empty())
        good.push_back(image);
      else
        dataset.bad_images->add(image, Error(ErrorKind::data, check.error));
    }
    images = images.subspan(next.size());
  }
  if (good.empty()) fail(ErrorKind::data, dataset.name, ": not one of its images can be read");
  return good;
}

void keep_good_images(Dataset& dataset) {
  std::vector<int64_t> all(static_cast<size_t>(dataset.count()));
  std::iota(all.begin(), all.end(), 0);
  select_images(dataset, good_images(dataset, all, dataset.count()));
}

}  // namespace amcl
