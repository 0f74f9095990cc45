#include "tests/data/encode.h"

#include <png.h>
#include <stdio.h>
// After stdio.h, whose FILE it uses.
#include <jpeglib.h>

#include <cmath>
#include <cstdlib>

#include "engine/core/philox.h"

namespace amcl {
namespace {

// "Exif\0\0" and a TIFF block, big-endian, whose only entry is the orientation.
std::string exif_segment(int orientation) {
  std::string bytes("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0", 25);
  bytes += static_cast<char>(orientation);
  bytes += std::string(6, '\0');
  return bytes;
}

}  // namespace

std::string encode_jpeg(const std::vector<uint8_t>& samples, int height, int width,
                        const JpegOptions& options) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_height = static_cast<JDIMENSION>(height);
  info.image_width = static_cast<JDIMENSION>(width);
  info.input_components = options.components;
  info.in_color_space = options.components == 1   ? JCS_GRAYSCALE
                        : options.components == 3 ? JCS_RGB
                                                  : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, options.quality, TRUE);
  if (options.components == 3) {
    info.comp_info[0].h_samp_factor = options.horizontal_sampling;
    info.comp_info[0].v_samp_factor = options.vertical_sampling;
  }
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (options.orientation > 0) {
    const std::string segment = exif_segment(options.orientation);
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(segment.data()),
                      static_cast<unsigned>(segment.size()));
  }
  std::vector<uint8_t> line(static_cast<size_t>(width * options.components));
  for (int y = 0; y < height; ++y) {
    line.assign(samples.begin() + y * width * options.components,
                samples.begin() + (y + 1) * width * options.components);
    uint8_t* row = line.data();
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  free(buffer);
  return bytes;
}

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
