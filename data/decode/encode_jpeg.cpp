#include "data/decode/encode_jpeg.h"

#include <cstdlib>

#include "data/decode/jpeg_errors.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// "Exif\0\0" and a TIFF block, big-endian, whose only entry is the orientation.
std::string exif_segment(int orientation) {
  std::string bytes("Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0", 25);
  bytes += static_cast<char>(orientation);
  bytes += std::string(6, '\0');
  return bytes;
}

class Encoder {
 public:
  Encoder() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = jump_on_error;
    if (setjmp(errors_.jump) != 0) fail_encoding();
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &buffer_, &size_);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() {
    jpeg_destroy_compress(&info_);
    free(buffer_);
  }

  void encode(const uint8_t* samples, int height, int width, const std::string& exif,
              const JpegOptions& options) {
    if (setjmp(errors_.jump) != 0) fail_encoding();
    set_options(height, width, options);
    jpeg_start_compress(&info_, TRUE);
    if (!exif.empty())
      jpeg_write_marker(&info_, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                        static_cast<unsigned>(exif.size()));
    while (info_.next_scanline < info_.image_height) {
      // The library reads the row only, whatever its type says.
      auto* row = const_cast<JSAMPROW>(samples + size_t{info_.next_scanline} * row_bytes());
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
  }

  std::string bytes() const { return {reinterpret_cast<const char*>(buffer_), size_}; }

 private:
  [[noreturn]] void fail_encoding() { fail(ErrorKind::internal, "libjpeg: ", errors_.message); }

  size_t row_bytes() const {
    return size_t{info_.image_width} * static_cast<size_t>(info_.input_components);
  }

  void set_options(int height, int width, const JpegOptions& options) {
    info_.image_height = static_cast<JDIMENSION>(height);
    info_.image_width = static_cast<JDIMENSION>(width);
    info_.input_components = options.components;
    info_.in_color_space = options.components == 1   ? JCS_GRAYSCALE
                           : options.components == 3 ? JCS_RGB
                                                     : JCS_CMYK;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, options.quality, TRUE);
    info_.restart_in_rows = options.restart_rows;
    if (options.components == 3) {
      info_.comp_info[0].h_samp_factor = options.horizontal_sampling;
      info_.comp_info[0].v_samp_factor = options.vertical_sampling;
    }
    if (options.progressive) jpeg_simple_progression(&info_);
  }

  jpeg_compress_struct info_{};
  JpegErrors errors_{};
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

std::string encode_jpeg(const std::vector<uint8_t>& samples, int height, int width,
                        const JpegOptions& options) {
  const std::string exif =
      options.orientation > 0 ? exif_segment(options.orientation) : std::string();
  Encoder encoder;
  encoder.encode(samples.data(), height, width, exif, options);
  return encoder.bytes();
}

}  // namespace amcl
