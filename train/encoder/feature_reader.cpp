#include "train/encoder/feature_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "engine/core/check.h"
#include "engine/io/half.h"
#include "engine/io/safetensors_header.h"

namespace amcl {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr int64_t kTextAtOnce = 1 << 20;
constexpr int64_t kMostWidth = 1 << 24;  // of a row, so that a damaged file asks for little memory

std::string text_at(const File& file, int64_t begin, int64_t bytes) {
  std::string text(static_cast<size_t>(std::clamp<int64_t>(file.size() - begin, 0, bytes)), '\0');
  file.read_at(begin, std::as_writable_bytes(std::span(text)));
  return text;
}

FeatureFormat format_of_content(const File& file) {
  constexpr int64_t kLengthWord = 8;
  const std::string begin = text_at(file, 0, kLengthWord + 1);
  if (begin.starts_with(kNpyMagic)) return FeatureFormat::npy;
  if (std::ssize(begin) > kLengthWord && begin[kLengthWord] == '{' &&
      begin.find_first_of("\n,") > kLengthWord)
    return FeatureFormat::safetensors;
  return FeatureFormat::csv;
}

// The value of a key in the dictionary of an .npy header, up to the comma behind it.
std::string_view value_of(std::string_view header, std::string_view key) {
  const size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view rest = header.substr(at + key.size());
  rest.remove_prefix(std::min(rest.find_first_not_of("' :\""), rest.size()));
  const size_t end = rest.starts_with('(') ? rest.find(')') : rest.find_first_of("',\"}");
  return rest.substr(0, end);
}

// "(3, 2": the two numbers, or zeros.
std::array<int64_t, 2> pair_of(std::string_view text) {
  std::array<int64_t, 2> numbers{};
  size_t found = 0;
  while (!text.empty() && found < numbers.size()) {
    text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), numbers[found]);
    if (error != std::errc{}) return {};
    ++found;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  const bool more = text.find_first_of("0123456789") != std::string_view::npos;
  return found == numbers.size() && !more ? numbers : std::array<int64_t, 2>{};
}

}  // namespace

FeatureReader::FeatureReader(const std::string& path)
    : file_(File::open_for_reading(path)), format_(format_of_content(file_)) {
  if (format_ == FeatureFormat::npy)
    open_npy();
  else if (format_ == FeatureFormat::safetensors)
    open_safetensors();
  else
    open_csv();
  if (rows_ < 1 || width_ < 1) fail(ErrorKind::data, path, ": holds no rows of features");
  if (width_ > kMostWidth)
    fail(ErrorKind::data, path, ": rows of ", width_, " numbers are no features");
  if (format_ != FeatureFormat::csv) check_size(begin_);
}

void FeatureReader::open_npy() {
  const std::string start = text_at(file_, 0, 12);
  const auto byte = [&](size_t i) { return int64_t{static_cast<uint8_t>(start[i])}; };
  if (start.size() < 12) fail(ErrorKind::data, path(), ": is cut short");
  const bool long_header = start[6] > 1;
  const int64_t length =
      byte(8) + 256 * byte(9) + (long_header ? 65536 * byte(10) + 16777216 * byte(11) : 0);
  const int64_t header_begin = long_header ? 12 : 10;
  if (header_begin + length > file_.size()) fail(ErrorKind::data, path(), ": is cut short");
  const std::string header = text_at(file_, header_begin, length);
  const std::string_view type = value_of(header, "'descr'");
  if (type != "<f4" && type != "<f2")
    fail(ErrorKind::data, path(), ": holds numbers of type '", type,
         "'; features are f32 ('<f4') or f16 ('<f2')");
  half_ = type == "<f2";
  const std::string_view shape = value_of(header, "'shape'");
  const auto [rows, width] = pair_of(shape);
  if (rows == 0 || value_of(header, "'fortran_order'") != "False")
    fail(ErrorKind::data, path(), ": holds an array of shape ", shape, ") and fortran_order ",
         value_of(header, "'fortran_order'"), "; features are [n, d], a row for each image");
  rows_ = rows;
  width_ = width;
  begin_ = header_begin + length;
}

void FeatureReader::open_safetensors() {
  uint64_t length = 0;
  file_.read_at(0, std::as_writable_bytes(std::span(&length, 1)));
  const auto limit =
      static_cast<uint64_t>(std::min(kMaxSafetensorsHeader, file_.size() - int64_t{8}));
  if (length > limit) fail(ErrorKind::data, path(), ": is cut short, or no safetensors file");
  begin_ = 8 + static_cast<int64_t>(length);
  const SafetensorsHeader header = parse_safetensors_header(
      text_at(file_, 8, static_cast<int64_t>(length)), file_.size() - begin_, path());
  const auto named = std::find_if(header.tensors.begin(), header.tensors.end(),
                                  [](const auto& tensor) { return tensor.name == "features"; });
  const auto* tensor = named != header.tensors.end() ? &*named
                       : header.tensors.size() == 1  ? &header.tensors.front()
                                                     : nullptr;
  if (tensor == nullptr || tensor->shape.size() != 2 ||
      (tensor->dtype != "F32" && tensor->dtype != "F16"))
    fail(ErrorKind::data, path(),
         ": holds no tensor 'features' [n, d] of F32 or F16; is it an encoder?");
  half_ = tensor->dtype == "F16";
  rows_ = tensor->shape[0];
  width_ = tensor->shape[1];
  begin_ += tensor->begin;
}

void FeatureReader::open_csv() {
  std::string line;
  while (next_line(line)) {
    if (rows_ == 0) {
      width_ = 1 + std::count(line.begin(), line.end(), ',');
      std::vector<float> row(static_cast<size_t>(width_));
      parse_line(line, row);
    }
    ++rows_;
  }
  seek(0);
}

void FeatureReader::check_size(int64_t begin) const {
  const int64_t room = (file_.size() - begin) / (width_ * (half_ ? 2 : 4));
  if (room < rows_)
    fail(ErrorKind::data, path(), ": is cut short: it should hold ", rows_, " rows and holds ",
         std::max<int64_t>(room, 0));
}

bool FeatureReader::next_line(std::string& line) {
  line.clear();
  while (true) {
    const size_t end = ahead_.find('\n', used_);
    if (end != std::string::npos) {
      line.append(ahead_, used_, end - used_);
      used_ = end + 1;
      return true;
    }
    line.append(ahead_, used_);
    ahead_ = text_at(file_, offset_, kTextAtOnce);
    offset_ += std::ssize(ahead_);
    used_ = 0;
    if (ahead_.empty()) return !line.empty();
    if (std::ssize(line) > kMostWidth * 2)
      fail(ErrorKind::data, path(),
           ": is no file of features: neither .npy, .safetensors nor text");
  }
}

void FeatureReader::parse_line(const std::string& line, std::span<float> row) const {
  const char* at = line.data();
  const char* end = at + line.size();
  while (end > at && (end[-1] == '\r' || end[-1] == ' ')) --end;
  for (size_t i = 0; i < row.size(); ++i) {
    while (at < end && *at == ' ') ++at;
    const auto [next, error] = std::from_chars(at, end, row[i]);
    // Too small or too large for a float: text from f64.
    const bool number = error == std::errc{} || error == std::errc::result_out_of_range;
    const bool last = i + 1 == row.size();
    if (!number || (last ? next != end : next == end || *next != ','))
      fail(ErrorKind::data, path(), ": line ", row_ + 1, " is not ", row.size(),
           " numbers with commas between them");
    if (error == std::errc::result_out_of_range)
      row[i] = static_cast<float>(std::strtod(std::string(at, next).c_str(), nullptr));
    at = next + 1;
  }
}

void FeatureReader::seek(int64_t row) {
  AMCL_CHECK(0 <= row && row <= rows_, "features: row ", row, " of ", rows_);
  if (format_ == FeatureFormat::csv) {
    offset_ = 0;
    ahead_.clear();
    used_ = 0;
    std::string line;
    for (int64_t i = 0; i < row; ++i) next_line(line);
  }
  row_ = row;
}

int64_t FeatureReader::read(std::span<float> values) {
  const int64_t count = std::min(std::ssize(values) / width_, rows_ - row_);
  values = values.first(static_cast<size_t>(count * width_));
  if (format_ == FeatureFormat::csv) {
    std::string line;
    for (int64_t i = 0; i < count; ++i, ++row_) {
      if (!next_line(line)) fail(ErrorKind::data, path(), ": has become shorter");
      parse_line(line,
                 values.subspan(static_cast<size_t>(i * width_), static_cast<size_t>(width_)));
    }
    return count;
  }
  const int64_t offset = begin_ + row_ * width_ * (half_ ? 2 : 4);
  if (half_) {
    std::vector<uint16_t> halves(values.size());
    file_.read_at(offset, std::as_writable_bytes(std::span(halves)));
    std::transform(halves.begin(), halves.end(), values.begin(), float_of_half);
  } else {
    file_.read_at(offset, std::as_writable_bytes(values));
  }
  row_ += count;
  return count;
}

}  // namespace amcl
