// Rows of a file of features, of ours or another program's, in their order and in memory for a few of them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/io/file.h"
#include "train/encoder/feature_file.h"

namespace amcl {

class FeatureReader {
 public:
  // .npy (f32 or f16, [n, d], C order), safetensors (tensor "features", or the only one), or lines of numbers
  // with commas; told apart by their content. Errors, each naming the path: missing, io; data where it is
  // none of these, or cut short.
  explicit FeatureReader(const std::string& path);

  const std::string& path() const { return file_.path(); }
  int64_t rows() const { return rows_; }
  int64_t width() const { return width_; }

  // Goes to a row; of text that takes a look at the lines before it.
  void seek(int64_t row);
  // The next rows into `values` [m, width]; gives m, which is less than there is room for at the end alone.
  // Errors as the constructor.
  int64_t read(std::span<float> values);

 private:
  void open_npy();
  void open_safetensors();
  void open_csv();
  void check_size(int64_t begin) const;
  // The next line of text; false at the end.
  bool next_line(std::string& line);
  void parse_line(const std::string& line, std::span<float> row) const;

  File file_;
  FeatureFormat format_ = FeatureFormat::csv;
  bool half_ = false;
  int64_t rows_ = 0;
  int64_t width_ = 0;
  int64_t begin_ = 0;  // byte at which the first row is
  int64_t row_ = 0;    // that is read next
  // Of text: bytes of the file that are read, and those among them that are not used.
  int64_t offset_ = 0;
  std::string ahead_;
  size_t used_ = 0;
};

}  // namespace amcl
