// Images of a folder with their classes, and text lists.
#include <algorithm>
#include <charconv>

#include "data/sources/directory_walk.h"
#include "data/sources/image_folder.h"
#include "data/sources/text_lines.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

bool is_image_name(const std::string& name) {
  const std::optional<FileKind> kind = kind_of_name(name);
  return kind && is_decoded(*kind);
}

void label_by_folder(ListedImages& images, std::vector<std::string> classes) {
  images.class_names = std::move(classes);
  for (const std::string& name : images.names) {
    const std::string folder = top_folder(name);
    if (folder.empty())
      fail(ErrorKind::data, images.directory, ": ", name,
           " lies in no class folder; move it into one, or use --layout images");
    const auto place =
        std::lower_bound(images.class_names.begin(), images.class_names.end(), folder);
    if (place == images.class_names.end() || *place != folder)
      fail(ErrorKind::data, (fs::path(images.directory) / folder).string(),
           ": a class that the training images have not (", images.class_names.size(),
           " classes); give it training images, or take it away");
    images.labels.push_back(static_cast<int32_t>(place - images.class_names.begin()));
  }
}

ListedImages list(const fs::path& directory) {
  FoundImages found = find_images(directory);
  if (found.names.empty()) {
    const std::string others = found.passed_over.text();
    fail(ErrorKind::missing, directory.string(), ": holds no image in itself or its folders",
         others.empty() ? others : " (" + others + ')',
         "; looked for JPEG, PNG, BMP and PNM files, and for the files of CIFAR, STL-10 and MNIST");
  }
  return {.directory = directory.string(),
          .names = std::move(found.names),
          .labels = {},
          .class_names = {},
          .layout = "images without labels",
          .passed_over = std::move(found.passed_over)};
}

// Whether images in these top_folders() have their classes.
bool are_classes(const std::vector<std::string>& folders, FolderLabels labels) {
  return labels == FolderLabels::by_folder ||
         (labels == FolderLabels::recognised && folders.size() > 1 && !folders.front().empty());
}

std::string layout_text(size_t classes) {
  return concat_text(classes, " class folders");
}

// Error(data) for what is no text.
std::vector<TextLine> read_lines(const fs::path& file) {
  constexpr int64_t kMostListBytes = int64_t{1} << 30;
  std::vector<TextLine> lines = read_text_lines(file, kMostListBytes);
  for (const TextLine& line : lines)
    if (line.text.find('\0') != std::string::npos)
      fail(ErrorKind::data, file.string(), ": is neither a packed set nor a list of images (line ",
           line.number, " is no text); give the directory that holds the images");
  return lines;
}

// Refuses any other text, which would otherwise be a list of missing files.
void check_is_list(const fs::path& file, const std::vector<TextLine>& lines) {
  const auto is_path = [&](const TextLine& line) {
    const std::string name = line.text.substr(0, line.text.rfind('\t'));
    std::error_code ignored;
    return is_image_name(name) || fs::exists(file.parent_path() / name, ignored);
  };
  const auto others = std::ssize(lines) - std::count_if(lines.begin(), lines.end(), is_path);
  if (2 * others > std::ssize(lines))
    fail(ErrorKind::data, file.string(), ": is not a list of images: ", others, " of its ",
         lines.size(), " lines are neither a file nor end as an image does (.jpg, .png and so on)");
}

// A line's label, after the last tab; the name loses it.
bool take_label(std::string& name, const std::string& place, int32_t& label) {
  const size_t tab = name.rfind('\t');
  if (tab == std::string::npos) return false;
  const std::string text = name.substr(tab + 1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
  constexpr int32_t kMostLabel = 999'999;  // evaluation counts up to the largest one
  if (error != std::errc() || end != text.data() + text.size() || label < 0 || label > kMostLabel)
    fail(ErrorKind::data, place, ": label '", text, "' is no whole number from 0 to ", kMostLabel);
  name.resize(tab);
  return true;
}

void check_all_there(const ListedImages& images, const std::string& list) {
  constexpr int64_t kShown = 5;
  int64_t missing = 0;
  std::string shown;
  for (const std::string& name : images.names) {
    std::error_code ignored;
    if (fs::exists(fs::path(images.directory) / name, ignored)) continue;
    if (++missing <= kShown) shown += concat_text(missing == 1 ? "" : ", ", name);
  }
  if (missing > 0)
    fail(ErrorKind::missing, list, ": ", missing, " of ", images.names.size(),
         " files are not there: ", shown, missing > kShown ? ", ..." : "",
         "; paths are relative to the list's directory");
}

}  // namespace

ListedImages list_folder(const fs::path& directory, FolderLabels labels) {
  ListedImages images = list(directory);
  std::vector<std::string> folders = top_folders(images.names);
  if (!are_classes(folders, labels)) return images;
  images.layout = layout_text(folders.size());
  label_by_folder(images, std::move(folders));
  return images;
}

ListedImages list_folder(const fs::path& directory, FolderLabels labels,
                         const std::vector<std::string>& classes) {
  if (classes.empty()) return list_folder(directory, labels);
  ListedImages images = list(directory);
  const std::vector<std::string> folders = top_folders(images.names);
  // One folder is a class where it has the name of one.
  const bool one_class = labels == FolderLabels::recognised && folders.size() == 1 &&
                         std::binary_search(classes.begin(), classes.end(), folders.front());
  if (!one_class && !are_classes(folders, labels)) return images;
  images.layout = layout_text(folders.size());
  label_by_folder(images, classes);
  return images;
}

std::vector<std::string> list_classes(const fs::path& directory, FolderLabels labels) {
  std::vector<std::string> folders = find_image_folders(directory);
  if (folders.empty() || !are_classes(folders, labels)) return {};
  if (folders.front().empty())
    fail(ErrorKind::data, directory.string(),
         ": an image lies in no class folder; move it into one, ", "or use --layout images");
  return folders;
}

ListedImages read_image_list(const fs::path& file) {
  const std::vector<TextLine> lines = read_lines(file);
  if (lines.empty()) fail(ErrorKind::missing, file.string(), ": lists no image");
  check_is_list(file, lines);
  ListedImages images;
  images.directory = file.parent_path().string();
  for (const TextLine& line : lines) {
    const std::string place = concat_text(file.string(), ", line ", line.number);
    std::string name = line.text;
    int32_t label = 0;
    const bool labelled = take_label(name, place, label);
    if (labelled != (images.labels.size() == images.names.size()) && !images.names.empty())
      fail(ErrorKind::data, place, labelled ? ": has a label" : ": has no label",
           ", unlike the lines before; a tab comes between path and label");
    images.names.push_back(std::move(name));
    if (labelled) images.labels.push_back(label);
  }
  check_all_there(images, file.string());
  images.layout = images.labels.empty() ? "list without labels" : "list with labels";
  return images;
}

}  // namespace amcl
