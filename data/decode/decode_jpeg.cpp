// JPEG by libjpeg-turbo: only the rows and blocks that a box needs are transformed, though all that
// lies above it must be entropy-decoded.
//
// Errors jump back here (data/decode/jpeg_errors.h).
#include "data/decode/jpeg_errors.h"

// After jpeglib.h.
#include <jerror.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "data/decode/decoders.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// A progressive file of a few kilobytes could make the decoder pass over the image thousands of
// times. Encoders write 10 scans or so; fifteen of the largest image take some 10 s.
constexpr int kMostScans = 100;
constexpr int64_t kMostScannedPixels = 15 * kMostImagePixels;

// To rows at multiples of 32 bytes libjpeg-turbo writes past the caches, from which they are copied
// at once: 13 % of the time of decoding.
constexpr size_t kRowOffset = 1;

constexpr char kExifName[] = "Exif\0";  // and the terminating zero: six bytes

// Warnings after which the library goes on with gray or repeated pixels are errors.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
      jump_on_error(info);
    default:
      break;
  }
}

void on_progress(j_common_ptr info) {
  if (info->is_decompressor == 0) return;
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  const int scans = decoder->input_scan_number;
  const int64_t pixels = int64_t{decoder->image_width} * decoder->image_height;
  if (scans <= kMostScans && scans * pixels <= kMostScannedPixels) return;
  JpegErrors& errors = errors_of(info);
  snprintf(errors.message, sizeof errors.message, "scan %d of %lld pixels: more than are decoded",
           scans, static_cast<long long>(pixels));
  longjmp(errors.jump, 1);
}

// Scaled by reduction: the pixels that `box` touches.
ImageBox reduced(const ImageBox& box, int64_t reduction) {
  const int64_t top = box.top / reduction;
  const int64_t left = box.left / reduction;
  return {top, left, (box.top + box.height + reduction - 1) / reduction - top,
          (box.left + box.width + reduction - 1) / reduction - left};
}

// CMYK as Adobe stores it, inverted: 255 is no ink. Files without Adobe's marker hold it so too,
// say those who write and those who show them (Pillow, browsers). In place, 4 bytes to 3.
void cmyk_to_rgb(uint8_t* row, int64_t width) {
  for (int64_t x = 0; x < width; ++x) {
    const uint8_t* ink = row + x * 4;
    const int black = ink[3];
    const int color[3] = {ink[0], ink[1], ink[2]};
    for (int64_t channel = 0; channel < 3; ++channel)
      row[x * 3 + channel] = static_cast<uint8_t>((color[channel] * black + 127) / 255);
  }
}

}  // namespace

struct JpegDecoder::State {
  jpeg_decompress_struct info{};
  JpegErrors errors{};
  jpeg_progress_mgr progress{};
  std::vector<uint8_t> row;  // from kRowOffset on, all columns that the library gives

  // What start() has set up, kept here and not in locals, which a jump would leave undefined.
  ImageBox wanted;
  JDIMENSION first_column = 0;
  JDIMENSION columns = 0;

  State() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = jump_on_error;
    errors.base.emit_message = on_message;
    if (setjmp(errors.jump) != 0) fail(ErrorKind::internal, "libjpeg: ", errors.message);
    jpeg_create_decompress(&info);
    progress.progress_monitor = on_progress;
    info.progress = &progress;
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { jpeg_destroy_decompress(&info); }

  [[noreturn]] void fail_decoding() {
    jpeg_abort_decompress(&info);
    fail(ErrorKind::data, "is a damaged JPEG image (", errors.message, ")");
  }

  void read_header(std::span<const uint8_t> file) {
    if (setjmp(errors.jump) != 0) fail_decoding();
    jpeg_mem_src(&info, file.data(), file.size());
    jpeg_read_header(&info, TRUE);
  }

  Orientation orientation() const {
    constexpr size_t kNameBytes = sizeof kExifName;
    for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next)
      if (marker->data_length > kNameBytes && std::memcmp(marker->data, kExifName, kNameBytes) == 0)
        return read_orientation(std::span(marker->data, marker->data_length).subspan(kNameBytes));
    return Orientation();
  }

  // The coefficients of all blocks, which wait for the last scan; of a single scan only a few rows
  // do.
  int64_t held_bytes() {
    if (jpeg_has_multiple_scans(&info) == 0) return 0;
    int64_t blocks = 0;
    for (const jpeg_component_info& component : std::span(info.comp_info, info.num_components))
      blocks += int64_t{component.width_in_blocks} * component.height_in_blocks;
    return blocks * static_cast<int64_t>(sizeof(JBLOCK));
  }

  bool is_cmyk() const {
    return info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  }

  // Up to the first row of the box. Upsampling of colour looks one sample to each side, so that a
  // block more is taken there.
  void start(const ImageBox& box, int64_t reduction) {
    if (setjmp(errors.jump) != 0) fail_decoding();
    info.scale_num = 1;
    info.scale_denom = static_cast<unsigned>(reduction);
    info.out_color_space = is_cmyk() ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info);
    wanted = reduced(box, reduction);
    const int64_t margin = int64_t{info.max_h_samp_factor} * DCTSIZE;
    const int64_t left = std::max<int64_t>(0, wanted.left - margin);
    const int64_t right = std::min<int64_t>(info.output_width, wanted.left + wanted.width + margin);
    first_column = static_cast<JDIMENSION>(left);
    columns = static_cast<JDIMENSION>(right - left);
    if (columns < info.output_width) jpeg_crop_scanline(&info, &first_column, &columns);
    if (wanted.top > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(wanted.top));
  }

  void read_rows(uint8_t* pixels) {
    if (setjmp(errors.jump) != 0) fail_decoding();
    const int64_t skipped = wanted.left - first_column;
    for (int64_t y = 0; y < wanted.height; ++y) {
      uint8_t* line = row.data() + kRowOffset;
      jpeg_read_scanlines(&info, &line, 1);
      if (is_cmyk()) cmyk_to_rgb(line, columns);
      std::memcpy(pixels + y * wanted.width * 3, line + skipped * 3,
                  static_cast<size_t>(wanted.width) * 3);
    }
  }

  // Whether the end marker is in what is left of the file; most files end with it.
  bool holds_end() const {
    constexpr uint8_t kEnd[] = {0xff, JPEG_EOI};
    const std::span rest(info.src->next_input_byte, info.src->bytes_in_buffer);
    if (rest.size() < sizeof kEnd) return false;
    if (std::equal(std::begin(kEnd), std::end(kEnd), rest.end() - sizeof kEnd)) return true;
    return memmem(rest.data(), rest.size(), kEnd, sizeof kEnd) != nullptr;
  }

  // A file that was cut below the box is refused too: the entropy-coded data hold no FF D9, so that
  // the end marker need not be reached by decoding.
  void finish() {
    if (setjmp(errors.jump) != 0) fail_decoding();
    if (info.output_scanline == info.output_height) {
      jpeg_finish_decompress(&info);
      return;
    }
    if (jpeg_input_complete(&info) == 0 && info.unread_marker != JPEG_EOI && !holds_end()) {
      strcpy(errors.message, "it ends too early");
      fail_decoding();
    }
    jpeg_abort_decompress(&info);
  }
};

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}

JpegDecoder::~JpegDecoder() = default;

StoredImage JpegDecoder::read_header(std::span<const uint8_t> file) {
  state_->read_header(file);
  const StoredImage result{{int64_t{state_->info.image_height}, int64_t{state_->info.image_width}},
                           state_->orientation(),
                           state_->held_bytes()};
  jpeg_abort_decompress(&state_->info);
  check_extent(result.extent.height, result.extent.width);
  return result;
}

void JpegDecoder::decode(std::span<const uint8_t> file, const ImageBox& box, int64_t reduction,
                         DecodedImage& image) {
  State& state = *state_;
  state.read_header(file);
  state.start(box, reduction);
  const size_t row_bytes = kRowOffset + size_t{state.info.output_width} * 4;
  if (state.row.size() < row_bytes) state.row.resize(row_bytes);
  image.box = state.wanted;
  image.reduction = reduction;
  if (image.pixels.size() < image.bytes()) image.pixels.resize(image.bytes());
  state.read_rows(image.pixels.data());
  state.finish();
}

}  // namespace amcl
