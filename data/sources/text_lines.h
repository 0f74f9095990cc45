// Text files of data sets: lists of images, names of classes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace amcl {

struct TextLine {
  int64_t number = 0;  // that an editor shows
  std::string text;
};

// The lines that are not empty, without line ends of any system and the byte-order mark of UTF-8.
// Errors: data, if the file is longer than `most_bytes` or UTF-16; else as File.
std::vector<TextLine> read_text_lines(const std::filesystem::path& file, int64_t most_bytes);

}  // namespace amcl
