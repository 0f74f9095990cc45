// The part of `amcl bench data` that begins with JPEG files: decoding, crop and resize.
#pragma once
#include <cstdint>
#include <ostream>

#include "engine/backend/backend.h"

namespace amcl {

// Prints one JSON object per line and case, of images in memory (train/bench/jpeg_images.h):
//   jpeg_whole             decoding alone
//   jpeg_crop_224          decoding, random resized crop, view of 224 px, as the loader makes it:
//                          the part under the crop is decoded, to the same pixels as the whole
//   jpeg_crop_224_reduced  with --reduce-decoding; but no crop of these images is twice as large as
//                          the view, so that this must take as long
//   jpeg_crop_96           views of 96 px
//   jpeg_crop_96_reduced   of which most are decoded at 1/2 or 1/4
// The floor is the entropy decoding from the top of the image to the end of the crop, which no
// decoder can leave out.
void bench_decoding(Backend& backend, int64_t workers, double seconds, std::ostream& out);

// The same images in 256 files, which the system has in its cache, and views of 224 px as the
// loader makes them; one JSON object per line and case:
//   files_loose_224      JPEG files of a folder
//   files_packed_224     a packed set of these files as they are
//   files_packed_u8_224  a packed set of their pixels, the shorter side resized to 256
// `reading_microseconds` is what only getting the content of an image takes. The floor is the
// entropy decoding as above; without it, the copying of crop and view, `floor_bytes` of them.
void bench_files(Backend& backend, int64_t workers, double seconds, std::ostream& out);

}  // namespace amcl
