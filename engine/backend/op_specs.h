// The options of the kernels behind the seam: plain data with named fields, so that no kernel takes
// a row of ints.
#pragma once
#include <array>
#include <cstdint>

namespace amcl {

// Filter extents come from the filter [K, R, S, C]; both spatial axes share stride and padding
// (zeros).
struct Conv2dSpec {
  int64_t stride = 1;
  int64_t padding = 0;

  bool operator==(const Conv2dSpec&) const = default;
};

// Extent of a convolution's or pooling's output along one axis.
constexpr int64_t window_output(int64_t input, int64_t window, int64_t stride, int64_t padding) {
  return (input + 2 * padding - window) / stride + 1;
}

// c = op(a) op(b), op = transposition of the last two axes where asked.
struct MatmulSpec {
  bool trans_a = false;
  bool trans_b = false;

  bool operator==(const MatmulSpec&) const = default;
};

struct PoolSpec {
  int64_t kernel = 2;
  int64_t stride = 2;
  int64_t padding = 0;  // padded places never win a maximum

  bool operator==(const PoolSpec&) const = default;
};

enum class UnaryOp : uint8_t { relu, exp, log, sigmoid, reciprocal, square, cos, sin };
enum class BinaryOp : uint8_t { add, subtract, multiply };
enum class Reduction : uint8_t { sum, mean };

// What the sum of `count` elements is divided by.
constexpr double divisor(Reduction op, int64_t count) {
  return op == Reduction::mean ? static_cast<double>(count) : 1.0;
}

struct BatchNormSpec {
  int64_t groups = 1;     // contiguous, equal parts of the rows, each with its own statistics
  double epsilon = 1e-5;  // added to the variance
  bool relu = false;      // y = relu(...) after the residual is added

  bool operator==(const BatchNormSpec&) const = default;
};

// `rows` runs of `width` elements from source to destination; offsets and pitches in elements.
struct Copy2d {
  int64_t rows = 0;
  int64_t width = 0;
  int64_t source_offset = 0;
  int64_t source_pitch = 0;
  int64_t destination_offset = 0;
  int64_t destination_pitch = 0;
};

// tau = low + (high - low) sigmoid(-(score + bias)), 0 < low < high: similar pairs are sharp.
// (spec S3.2)
struct TemperatureRange {
  double low = 0.05;
  double high = 1.0;
  double bias = 0.0;
};

enum class PairReducer : uint8_t { lse, topk, hard };
inline constexpr const char* kPairReducerNames[] = {"lse", "topk", "hard"};

// The loss over a matrix of pairs (spec S2.1, S3, S4): per anchor i
//   Red_{j in D(i)} l[i,j] - l[i,pos(i)] + anchor_beta Omega(tau[i,pos(i)]; anchor_a),
//   l = s / tau - beta Omega(tau; a),  Omega(tau; a) = a log tau + 1/tau,
// with (beta, a) = (beta_positive, a_positive) at j = pos(i) and (beta_negative, a_negative)
// elsewhere.
struct PairLossSpec {
  PairReducer reducer = PairReducer::lse;
  int64_t topk = 1;  // reducer topk: the number of most similar candidates; clamped to |D(i)|
  bool with_positive = true;  // whether D(i) contains pos(i)
  // Candidate i + self_offset is anchor i itself and in no D(i); kNoSelf: none is.
  int64_t self_offset = 0;
  bool adaptive = true;         // tau from the scores; else the constant below and no scores
  double temperature = 0.5;     // the constant
  TemperatureRange range = {};  // adaptive only
  double beta_positive = 0.0;
  double a_positive = 1.0;
  double beta_negative = 0.0;
  double a_negative = 1.0;
  double anchor_beta = 0.0;
  double anchor_a = 1.0;

  static constexpr int64_t kNoSelf = INT64_MIN;
};

inline constexpr double kBoundMargin = 1e-3;

// What a loss over pairs reports per head, in this order (a row of the [C, kPairStatistics] tensor).
enum PairStatistic : int64_t {
  kPositiveSimilarityMean,
  kPositiveSimilarityStd,
  kNegativeSimilarityMean,
  kNegativeSimilarityStd,
  kPositiveTemperatureMean,
  kPositiveTemperatureStd,
  kNegativeTemperatureMean,
  kNegativeTemperatureStd,
  kTemperatureMin,
  kTemperatureMax,
  // Share of pairs whose tau lies within kBoundMargin (high - low) of low or high; 0 if constant.
  kTemperatureAtBound,
  kLogitAbsMax,
  kPairStatistics,
};

// What the pairs of one anchor, but that with itself, contribute to the statistics: a row of the
// records [C, A, kPairRecord] f64. Records of anchors that were computed apart are summarised
// together.
enum PairRecord : int64_t {
  kRecordNegative,      // sums of s, s^2, tau, tau^2
  kRecordPositive = 4,  // the same
  kRecordPositives = 8,
  kRecordNegatives,
  kRecordAtBound,
  kRecordSums,  // all before are sums
  kRecordTemperatureMin = kRecordSums,
  kRecordTemperatureMax,
  kRecordLogitAbsMax,
  kPairRecord,
};

enum class ColorOp : uint8_t { brightness, contrast, saturation, hue };

// How a crop is resampled, always with antialias: the filters of Pillow.
enum class Interpolation : uint8_t { bilinear, bicubic };
inline constexpr const char* kInterpolationNames[] = {"bilinear", "bicubic"};

// One view of one image, as drawn on the host: what the augmentation kernel applies, in the order
// of the fields. Arithmetic: f32 in [0, 1] between stages, clamped after each colour step;
// torchvision.transforms.functional on float tensors with antialias is the reference.
struct ViewParameters {
  int64_t image = 0;  // index into the source images
  // Resized crop: source box in pixels.
  int32_t top = 0;
  int32_t left = 0;
  int32_t height = 0;
  int32_t width = 0;
  Interpolation interpolation = Interpolation::bilinear;
  // What the box is resized to; 0: to the output's extents. If it is larger than these, the output
  // shows the part that begins at (offset_top, offset_left): the evaluation transform.
  int32_t resized_height = 0;
  int32_t resized_width = 0;
  int32_t offset_top = 0;
  int32_t offset_left = 0;
  bool flip = false;    // horizontally
  bool jitter = false;  // the four colour operations below in `order`
  std::array<ColorOp, 4> order = {ColorOp::brightness, ColorOp::contrast, ColorOp::saturation,
                                  ColorOp::hue};
  float brightness = 1.0f;  // factors; 1 changes nothing
  float contrast = 1.0f;
  float saturation = 1.0f;
  float hue = 0.0f;  // in turns, -0.5 to 0.5
  bool grayscale = false;
  float blur_sigma = 0.0f;  // in output pixels; 0: no blur
  bool solarize = false;    // values of at least 1/2 (128 of 255) are inverted
};

// (value - mean) / deviation per channel, applied last.
struct ImageNormalization {
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};
  std::array<float, 3> deviation = {1.0f, 1.0f, 1.0f};
};

}  // namespace amcl
