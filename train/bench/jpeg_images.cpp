#include "train/bench/jpeg_images.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "data/decode/encode_jpeg.h"
#include "data/image_files.h"
#include "data/packed/pack.h"
#include "data/sources/open_dataset.h"
#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "train/bench/photograph.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 32;
constexpr size_t kFiles = 256;

std::vector<std::string> encoded_images() {
  std::vector<std::string> images;
  for (uint64_t seed = 0; seed < kImages; ++seed)
    images.push_back(encode_jpeg(photograph_like(kJpegHeight, kJpegWidth, seed), kJpegHeight,
                                 kJpegWidth, {.quality = 90}));
  return images;
}

class EncodedImages final : public ImageFiles {
 public:
  explicit EncodedImages(std::vector<std::string> images) : images_(std::move(images)) {}

  int64_t count() const override { return std::ssize(images_); }
  std::string name(int64_t index) const override { return concat_text(index, ".jpg"); }
  std::string place(int64_t index) const override { return name(index); }
  ImageContent content(int64_t index, std::vector<uint8_t>&) const override {
    const std::string& image = images_[static_cast<size_t>(index)];
    return std::span(reinterpret_cast<const uint8_t*>(image.data()), image.size());
  }

 private:
  std::vector<std::string> images_;
};

}  // namespace

Dataset jpeg_images_in_memory() {
  Dataset dataset;
  dataset.name = "made up";
  dataset.files = std::make_shared<EncodedImages>(encoded_images());
  dataset.normalization = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  return dataset;
}

JpegFiles::JpegFiles(Backend& backend) : backend_(backend) {
  std::string name = (std::filesystem::temp_directory_path() / "amcl-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) fail_writing(name, errno);
  directory_ = name;
  const std::vector<std::string> images = encoded_images();
  std::filesystem::create_directory(folder());
  for (size_t file = 0; file < kFiles; ++file)
    write_file_atomically(concat_text(folder(), '/', file, ".jpg"), images[file % images.size()]);
}

JpegFiles::~JpegFiles() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Dataset JpegFiles::open_folder() const {
  return open(folder());
}

Dataset JpegFiles::open_packed(int64_t size) const {
  const std::string file = concat_text(directory_, '/', size, ".amcl");
  Packer packer(backend_, file, {.size = size});
  packer.add(open_folder(), Split::train);
  packer.finish();
  return open(file);
}

std::string JpegFiles::folder() const {
  return directory_ + "/loose";
}

Dataset JpegFiles::open(const std::string& source) const {
  return open_dataset(backend_, source, Split::train, /*limit=*/0, /*seed=*/1);
}

void write_jpeg_images(const std::string& directory) {
  const std::filesystem::path path(directory);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail(ErrorKind::io, directory, ": cannot be made: ", error.message());
  int64_t index = 0;
  for (const std::string& image : encoded_images())
    write_file_atomically((path / concat_text(index++, ".jpg")).string(), image);
}

}  // namespace amcl
