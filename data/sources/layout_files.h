// What the readers of fixed layouts share: which files lie in a directory, and lists of class
// names.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace amcl {

// Whether `directory` holds at least one of the files.
bool holds_any(const std::filesystem::path& directory, const std::vector<std::string>& files);

// "DIRECTORY: not there: data_batch_3.bin; there: data_batch_1.bin, ..."; empty if all files are
// there.
std::string absent_text(const std::filesystem::path& directory,
                        const std::vector<std::string>& files);

// One name per line of the file; empty if the file is not there. Error(data) unless they are as
// many as `layout` has classes; else as File::open_for_reading.
std::vector<std::string> read_class_names(const std::filesystem::path& file, const char* layout,
                                          int64_t classes);

}  // namespace amcl
