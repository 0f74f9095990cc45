// Folders of a directory that are the parts of one set (train beside val) rather than classes.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace amcl {

struct PartFolders {
  std::filesystem::path train;
  std::filesystem::path test;
  std::vector<std::string> others;  // folders beside them, sorted
};

// A folder named train or training, in any letter case, and the first of val, valid, validation,
// dev, test and testing that is there; nothing unless both are.
std::optional<PartFolders> find_part_folders(const std::filesystem::path& directory);

// Error(data) where a folder among `classes`, the class folders of `directory`, may as well be a
// part: train beside others, or test beside val.
void refuse_parts_as_classes(const std::filesystem::path& directory,
                             const std::vector<std::string>& classes);

}  // namespace amcl
