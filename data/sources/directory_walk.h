// The image files of a directory and of all folders in it.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/passed_over.h"

namespace amcl {

// Whether a file or folder of this name is not meant to be seen, or was put there by a system.
bool is_hidden(std::string_view name);

struct FoundImages {
  std::vector<std::string> names;  // paths inside the directory, sorted by their bytes
  PassedOver passed_over;
};

// A file is an image by the ending of its name; where that decides nothing, its first bytes are
// read. Symbolic links are followed, but each folder is visited once, whatever paths lead to it: by
// the path without links if there is one. Error(io) for a folder that cannot be read.
FoundImages find_images(const std::filesystem::path& directory);

// The folder at the top of a path; empty for a file at the top.
std::string top_folder(const std::string& name);
// Those of all paths, sorted.
std::vector<std::string> top_folders(const std::vector<std::string>& names);

// top_folders() of what find_images() finds, by a walk that leaves a folder at the first image in
// it.
std::vector<std::string> find_image_folders(const std::filesystem::path& directory);

}  // namespace amcl
