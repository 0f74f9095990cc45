#include "data/good_images.h"

#include "data/hash.h"
#include "data/select_images.h"
#include "engine/core/check.h"
#include "engine/core/parallel_for.h"

namespace amcl {

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
        const std::span<const uint8_t> content = files.content(index, buffer);
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

std::vector<ImageCheck> check_images(const ImageFiles& files) {
  return check_images(files, 0, files.count());
}

void keep_good_images(Dataset& dataset) {
  std::vector<int64_t> good;
  for (const ImageCheck& check : check_images(*dataset.files)) {
    if (!check.error.empty()) {
      dataset.bad_images->add(check.image, Error(ErrorKind::data, check.error));
      continue;
    }
    good.push_back(check.image);
  }
  if (good.empty()) fail(ErrorKind::data, dataset.name, ": not one of its images can be read");
  select_images(dataset, std::move(good));
}

}  // namespace amcl
