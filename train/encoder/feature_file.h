// A file of features, a row for each image, that is written row by row: what is there is kept when the
// writer is killed, and a later one goes on.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "engine/io/file.h"
#include "train/encoder/feature_record.h"

namespace amcl {

enum class FeatureFormat : uint8_t { npy, safetensors, csv };
inline constexpr const char* kFeatureFormatNames[] = {"npy", "safetensors", "csv"};
// By the ending of the path; empty for another one.
std::optional<FeatureFormat> format_of_path(const std::string& path);

struct FeatureLayout {
  FeatureFormat format = FeatureFormat::npy;
  bool half = false;  // f16 instead of f32; not of csv
  int64_t rows = 0;   // n
  int64_t width = 0;  // d
  // Rows that are made together: what goes on does so after a multiple of them, so that it makes the same
  // batches.
  int64_t at_once = 1;
};

// Until it is complete the file is called PATH.partial, and PATH.job is its record; then PATH.json is.
class FeatureFile {
 public:
  // If `resume`, the rows that an earlier writer of the same record has left are kept; Error(usage) if it
  // was another one (what differs is named), or there is none. Otherwise what an earlier one has left is
  // discarded. Error(io).
  FeatureFile(const std::string& path, const FeatureLayout& layout, const FeatureRecord& record,
              bool resume);

  int64_t written_rows() const { return written_; }
  // Rows [m, width], which come after those that are there. Error(io): the rows before remain.
  void write(std::span<const float> rows);
  // Gives the complete file and its record their names, once `beside` has written what else is to lie
  // beside it. A file of before goes first, so that none ever lies beside what another one is made of.
  // Error(io): the rows remain, and can be gone on with.
  void finish(const std::function<void()>& beside);

 private:
  std::string encode(std::span<const float> rows) const;
  void keep_whole_rows();

  std::string path_;
  FeatureLayout layout_;
  std::string header_;
  File file_;
  int64_t written_ = 0;
};

}  // namespace amcl
