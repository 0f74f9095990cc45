// Directories of image files, and lists of them.
//
//   class folders   root/<class>/**/x.jpg: no image outside of a class folder, two of them or more;
//                   classes are numbered by the bytes of their names
//   images          root/**/x.jpg, at any depth: no labels
//   parts           root/train, root/val (part_folders.h), each one of the two above; both with the
//                   classes of train
//   list            a text file: on each line a path, relative to the list's directory, and perhaps
//                   a tab and a label from 0
//
// What an image is and what is passed over: data/sources/directory_walk.h. What a file holds is
// sniffed again when it is decoded. Names are sorted by their bytes, so that the order is the same
// everywhere.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sources/dataset_options.h"

namespace amcl {

// What a source holds before a split and a limit are applied.
struct ListedImages {
  std::string directory;
  std::vector<std::string> names;
  std::vector<int32_t> labels;           // as many, or none
  std::vector<std::string> class_names;  // may be empty
  std::string layout;                    // "12 class folders"
  PassedOver passed_over;
};

enum class FolderLabels { recognised, by_folder, none };

// Error(missing) if there is no image.
ListedImages list_folder(const std::filesystem::path& directory, FolderLabels labels);
// The same for another part of a set: labels are numbers in `classes`, those of its training
// images, sorted; with no classes as above. Here a single folder is a class if it has the name of
// one. Error(data) for a folder that is none of `classes`.
ListedImages list_folder(const std::filesystem::path& directory, FolderLabels labels,
                         const std::vector<std::string>& classes);
// The class names that list_folder() gives, by a walk that leaves a folder at the first image in
// it.
std::vector<std::string> list_classes(const std::filesystem::path& directory, FolderLabels labels);

// Error(data): most lines are no paths; a line has no label or no whole number as one where others
// have (the line is named); files are missing (how many, and the first five).
ListedImages read_image_list(const std::filesystem::path& file);

// The set in a directory (or a list) with the split, limit and options applied; its normalisation
// is measured unless the options give it. Errors: missing, if the split has no images; else as
// above.
Dataset open_folder(Device& device, const std::filesystem::path& directory, Split split,
                    int64_t limit, const DatasetOptions& options);
Dataset open_list(Device& device, const std::filesystem::path& file, Split split, int64_t limit,
                  const DatasetOptions& options);

}  // namespace amcl
