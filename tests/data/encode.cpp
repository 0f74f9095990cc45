#include "tests/data/encode.h"

#include <png.h>
#include <zlib.h>

#include <cmath>

#include "engine/core/philox.h"

namespace amcl {

std::string encode_png(const std::vector<uint8_t>& rows, int height, int width,
                       const PngOptions& options) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &bytes,
      [](png_structp writer, png_bytep data, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(writer))
            ->append(reinterpret_cast<char*>(data), count);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               options.depth, options.color_type,
               options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!options.palette.empty()) {
    std::vector<png_color> colors;
    for (size_t i = 0; i + 2 < options.palette.size(); i += 3)
      colors.push_back({options.palette[i], options.palette[i + 1], options.palette[i + 2]});
    png_set_PLTE(png, info, colors.data(), static_cast<int>(colors.size()));
  }
  png_write_info(png, info);
  std::vector<uint8_t> copy = rows;
  const size_t row_bytes = copy.size() / static_cast<size_t>(height);
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y)
    pointers.push_back(copy.data() + static_cast<size_t>(y) * row_bytes);
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

std::string png_chunk(const std::string& name_and_content) {
  std::string chunk;
  const auto append = [&](size_t value) {
    for (const int shift : {24, 16, 8, 0}) chunk += static_cast<char>(value >> shift & 255);
  };
  append(name_and_content.size() - 4);
  chunk += name_and_content;
  append(crc32(0, reinterpret_cast<const Bytef*>(name_and_content.data()),
               static_cast<uInt>(name_and_content.size())));
  return chunk;
}

std::string bmp(int32_t width, int32_t height, int bits, const std::string& rest, uint32_t begin) {
  std::string file = "BM" + std::string(52, '\0');
  const auto put = [&](size_t place, uint32_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) file[place + i] = static_cast<char>(value >> 8 * i & 255);
  };
  put(10, begin, 4);
  put(14, 40, 4);
  put(18, static_cast<uint32_t>(width), 4);
  put(22, static_cast<uint32_t>(height), 4);
  put(26, 1, 2);
  put(28, static_cast<uint32_t>(bits), 2);
  return file + rest;
}

std::vector<uint8_t> picture(int height, int width, int channels, uint64_t seed) {
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::vector<uint8_t> samples;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int channel = 0; channel < channels; ++channel) {
        const double wave = std::sin(0.13 * x * (channel + 1) + 0.07 * y) +
                            std::cos(0.05 * x - 0.11 * y * (channel + 1));
        samples.push_back(static_cast<uint8_t>(110 + 45 * wave + random.below(16)));
      }
  return samples;
}

}  // namespace amcl
