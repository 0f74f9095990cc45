// The walk through directories, and text lists.
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "data/image_folder.h"
#include "data/text_lines.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

bool is_image_name(const std::string& name) {
  std::string ending = fs::path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(std::begin(kImageEndings), std::end(kImageEndings), ending) !=
         std::end(kImageEndings);
}

// A directory's identity, whatever path led to it.
using Identity = std::pair<dev_t, ino_t>;

// How many of the images in each folder at the top are looked for.
enum class WalkOver { all_images, one_image_of_each_folder };

class Walk {
 public:
  Walk(fs::path root, WalkOver over)
      : root_(std::move(root)), one_of_each_(over == WalkOver::one_image_of_each_folder) {}

  void visit(const std::string& inside) {
    const fs::path here = inside.empty() ? root_ : root_ / inside;
    struct stat status {};
    if (::stat(here.c_str(), &status) != 0 || !open_.insert({status.st_dev, status.st_ino}).second)
      return;
    const size_t found_before = names.size();
    std::error_code error;
    for (fs::directory_iterator entry(here, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string name =
          (inside.empty() ? "" : inside + '/') + entry->path().filename().string();
      std::error_code unknown;
      if (entry->is_directory(unknown))
        visit(name);
      else if (is_image_name(name))
        names.push_back(name);
      else
        ++others;
      if (one_of_each_ && !inside.empty() && names.size() > found_before) break;
    }
    if (error) fail(ErrorKind::io, here.string(), ": cannot be read: ", error.message());
    open_.erase({status.st_dev, status.st_ino});
  }

  std::vector<std::string> names;
  int64_t others = 0;

 private:
  fs::path root_;
  bool one_of_each_;
  std::set<Identity> open_;  // directories between the root and the one that is visited
};

std::string endings() {
  std::string text;
  for (const char* ending : kImageEndings) text += concat_text(text.empty() ? "" : " ", ending);
  return text;
}

// The folder at the top of a path; empty for a file at the top.
std::string top_folder(const std::string& name) {
  const size_t slash = name.find('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

bool holds_class_folders(const std::vector<std::string>& names) {
  const std::string first = top_folder(names.front());
  bool several = false;
  for (const std::string& name : names) {
    const std::string folder = top_folder(name);
    if (folder.empty()) return false;
    several |= folder != first;
  }
  return several;
}

void label_by_folder(ListedImages& images) {
  for (const std::string& name : images.names)
    if (const std::string folder = top_folder(name); !folder.empty())
      images.class_names.push_back(folder);
  std::sort(images.class_names.begin(), images.class_names.end());
  images.class_names.erase(std::unique(images.class_names.begin(), images.class_names.end()),
                           images.class_names.end());
  for (const std::string& name : images.names) {
    const std::string folder = top_folder(name);
    if (folder.empty())
      fail(ErrorKind::data, images.directory, ": ", name,
           " lies in no class folder; move it into one, or use --layout images");
    const auto place =
        std::lower_bound(images.class_names.begin(), images.class_names.end(), folder);
    images.labels.push_back(static_cast<int32_t>(place - images.class_names.begin()));
  }
}

std::vector<std::string> walk(const fs::path& directory, WalkOver over, int64_t& others) {
  Walk walk(directory, over);
  walk.visit("");
  others = walk.others;
  std::sort(walk.names.begin(), walk.names.end());
  return std::move(walk.names);
}

ListedImages list(const fs::path& directory, FolderLabels labels, WalkOver over) {
  ListedImages images;
  images.directory = directory.string();
  int64_t others = 0;
  images.names = walk(directory, over, others);
  if (images.names.empty())
    fail(ErrorKind::missing, images.directory, ": holds no image in itself or its folders (",
         others, " other files); looked for ", endings(),
         ", and for the files of CIFAR, STL-10 and MNIST");
  if (labels == FolderLabels::by_folder ||
      (labels == FolderLabels::recognised && holds_class_folders(images.names)))
    label_by_folder(images);
  return images;
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
         lines.size(), " lines are neither a file nor end as an image does (", endings(), ')');
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

std::vector<std::string> find_images(const fs::path& directory, int64_t& others) {
  return walk(directory, WalkOver::all_images, others);
}

ListedImages list_folder(const fs::path& directory, FolderLabels labels) {
  ListedImages images = list(directory, labels, WalkOver::all_images);
  images.layout = images.labels.empty() ? std::string("images without labels")
                                        : concat_text(images.class_names.size(), " class folders");
  return images;
}

std::vector<std::string> list_classes(const fs::path& directory, FolderLabels labels) {
  return list(directory, labels, WalkOver::one_image_of_each_folder).class_names;
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
