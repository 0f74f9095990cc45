// The images that `amcl bench data` decodes: photograph_like() pictures as JPEG of quality 90,
// colour at half the resolution; in memory, in files, and packed.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "engine/backend/backend.h"

namespace amcl {

inline constexpr int64_t kJpegHeight = 375;
inline constexpr int64_t kJpegWidth = 500;

// 32 of them, encoded.
Dataset jpeg_images_in_memory();

// The same in 256 files of a temporary directory, which is removed at the end.
class JpegFiles {
 public:
  explicit JpegFiles(Backend& backend);
  JpegFiles(const JpegFiles&) = delete;
  JpegFiles& operator=(const JpegFiles&) = delete;
  ~JpegFiles();

  Dataset open_folder() const;
  // As a packed set: of the files, or with `size` > 0 of pixels, of which the shorter side has that
  // many.
  Dataset open_packed(int64_t size) const;

 private:
  std::string folder() const;
  Dataset open(const std::string& source) const;

  Backend& backend_;
  std::string directory_;
};

// Writes the images into `directory`, for other programs to decode.
void write_jpeg_images(const std::string& directory);

}  // namespace amcl
