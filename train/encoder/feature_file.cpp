#include "train/encoder/feature_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "engine/io/half.h"
#include "engine/io/safetensors_header.h"
#include "train/checkpoint/run_files.h"

namespace amcl {
namespace {

constexpr const char* kPartial = ".partial";
constexpr const char* kJob = ".job";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string read_text(const std::string& path) {
  File file = File::open_for_reading(path);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

// Version 1.0 of NumPy's format: the data begin at a multiple of 64 bytes, so that it can be mapped.
std::string npy_header(const FeatureLayout& layout) {
  constexpr size_t kAlignment = 64;
  std::string dictionary =
      concat_text("{'descr': '", layout.half ? "<f2" : "<f4",
                  "', 'fortran_order': False, 'shape': (", layout.rows, ", ", layout.width, "), }");
  const std::string_view magic("\x93NUMPY\x01\x00", 8);
  const size_t length = magic.size() + 2 + dictionary.size() + 1;
  dictionary.append((kAlignment - length % kAlignment) % kAlignment, ' ');
  dictionary += '\n';
  std::string header(magic);
  header += static_cast<char>(dictionary.size() & 0xff);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

std::string safetensors_header(const FeatureLayout& layout) {
  const int64_t bytes = layout.rows * layout.width * (layout.half ? 2 : 4);
  const std::string json =
      format_safetensors_header({.metadata = {{"format", "pt"}},
                                 .tensors = {{.name = "features",
                                              .dtype = layout.half ? "F16" : "F32",
                                              .shape = {layout.rows, layout.width},
                                              .begin = 0,
                                              .end = bytes}}});
  const auto length = static_cast<uint64_t>(json.size());
  std::string header(sizeof(length), '\0');
  std::memcpy(header.data(), &length, sizeof(length));
  return header + json;
}

std::string header_of(const FeatureLayout& layout) {
  switch (layout.format) {
    case FeatureFormat::npy:
      return npy_header(layout);
    case FeatureFormat::safetensors:
      return safetensors_header(layout);
    case FeatureFormat::csv:
      break;
  }
  return {};
}

std::string csv_lines(std::span<const float> rows, int64_t width) {
  std::string text;
  char number[32];
  for (size_t i = 0; i < rows.size(); ++i) {
    std::snprintf(number, sizeof(number), "%.9g", static_cast<double>(rows[i]));
    text += number;
    text += static_cast<int64_t>(i + 1) % width == 0 ? '\n' : ',';
  }
  return text;
}

// Opened where the record allows it.
File open_partial(const std::string& path, const FeatureRecord& record, bool resume) {
  if (resume && !file_exists(path + kJob))
    fail(ErrorKind::usage, "--resume: there is nothing to go on with, no ", path, kJob,
         "; leave it out to begin");
  if (resume) {
    const std::vector<std::string> other =
        differences(record_from(read_text(path + kJob), path + kJob), record);
    std::string list;
    for (const std::string& one : other) list += (list.empty() ? "" : "; ") + one;
    if (!other.empty())
      fail(ErrorKind::usage, "--resume: ", path, kPartial, " is of another job: ", list,
           " (leave --resume out to begin anew)");
  } else {
    remove_file(path + kPartial);
    write_file_atomically(path + kJob, to_text(record));
  }
  return File::open_for_writing(path + kPartial);
}

}  // namespace

std::optional<FeatureFormat> format_of_path(const std::string& path) {
  for (size_t i = 0; i < std::size(kFeatureFormatNames); ++i)
    if (path.ends_with(std::string(".") + kFeatureFormatNames[i]))
      return static_cast<FeatureFormat>(i);
  return {};
}

FeatureFile::FeatureFile(const std::string& path, const FeatureLayout& layout,
                         const FeatureRecord& record, bool resume)
    : path_(path),
      layout_(layout),
      header_(header_of(layout)),
      file_(open_partial(path, record, resume)) {
  if (!file_.try_lock())
    fail(ErrorKind::io, path, kPartial, ": another process writes it; wait for its end");
  keep_whole_rows();
}

// Cuts off what a killed writer has half written.
void FeatureFile::keep_whole_rows() {
  int64_t end = std::ssize(header_);
  if (file_.size() < end) {
    file_.truncate(0);
    file_.write(bytes_of(header_));
    return;
  }
  const auto kept = [&](int64_t rows) {
    return rows - (rows < layout_.rows ? rows % layout_.at_once : 0);
  };
  if (layout_.format == FeatureFormat::csv) {
    const std::string text = read_text(file_.path());
    written_ = kept(std::count(text.begin(), text.end(), '\n'));
    for (int64_t row = 0; row < written_; ++row)
      end = static_cast<int64_t>(text.find('\n', static_cast<size_t>(end)) + 1);
  } else {
    const int64_t row = layout_.width * (layout_.half ? 2 : 4);
    written_ = kept(std::min((file_.size() - end) / row, layout_.rows));
    end += written_ * row;
  }
  file_.truncate(end);
}

std::string FeatureFile::encode(std::span<const float> rows) const {
  if (layout_.format == FeatureFormat::csv) return csv_lines(rows, layout_.width);
  if (!layout_.half) return {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()};
  std::vector<uint16_t> halves(rows.size());
  std::transform(rows.begin(), rows.end(), halves.begin(), half_of_float);
  return {reinterpret_cast<const char*>(halves.data()), halves.size() * sizeof(uint16_t)};
}

void FeatureFile::write(std::span<const float> rows) {
  file_.write(bytes_of(encode(rows)));
  written_ += static_cast<int64_t>(rows.size()) / layout_.width;
}

void FeatureFile::finish(const std::function<void()>& beside) {
  AMCL_CHECK(written_ == layout_.rows, "features: ", written_, " rows of ", layout_.rows);
  file_.sync();
  remove_file(path_);
  beside();
  write_file_atomically(record_path_of(path_), read_text(path_ + kJob));
  rename_over(path_ + kPartial, path_);
  remove_file(path_ + kJob);
  sync_directory_of(path_);
}

}  // namespace amcl
