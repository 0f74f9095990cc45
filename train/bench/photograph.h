// A picture with the statistics of a photograph, where no photograph is at hand.
#pragma once
#include <cstdint>
#include <vector>

namespace amcl {

// u8 [height, width, 3]: dead leaves (Lee, Mumford, Huang: Occlusion models for natural images,
// 2001), that is discs that cover each other, whose radii have a density ~ radius^-3; seen through
// a lens that blurs a little and a sensor with noise. At 500 x 375 and quality 90 it is a JPEG of
// 48 to 64 KB; two photographs of that size had 36 and 65.
std::vector<uint8_t> photograph_like(int64_t height, int64_t width, uint64_t seed);

}  // namespace amcl
