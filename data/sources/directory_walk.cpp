#include "data/sources/directory_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// Of macOS, Windows, Linux and network storage; in lower case.
constexpr std::string_view kSystemNames[] = {
    "__macosx",    "@eadir",       "thumbs.db",
    "desktop.ini", "$recycle.bin", "system volume information",
    "lost+found",  "#recycle",     "@recycle"};

// A folder's identity, whatever path led to it.
using Identity = std::pair<dev_t, ino_t>;

enum class WalkOver { all_images, one_image_of_each_folder };

class Walk {
 public:
  Walk(fs::path root, WalkOver over)
      : root_(std::move(root)), one_of_each_(over == WalkOver::one_image_of_each_folder) {}

  // All that can be reached without a symbolic link to a folder.
  void visit_root() { visit(""); }

  // The rest. The shallowest first, then by name: not in the order in which the system lists them.
  void follow_links() {
    while (!links_.empty()) {
      std::vector<std::string> links = std::exchange(links_, {});
      std::sort(links.begin(), links.end(), [](const std::string& a, const std::string& b) {
        const auto depth_a = std::count(a.begin(), a.end(), '/');
        const auto depth_b = std::count(b.begin(), b.end(), '/');
        return depth_a != depth_b ? depth_a < depth_b : a < b;
      });
      for (const std::string& link : links) visit(link);
    }
  }

  const std::vector<std::string>& links() const { return links_; }

  FoundImages found;

 private:
  void visit(const std::string& inside) {
    const fs::path here = inside.empty() ? root_ : root_ / inside;
    struct stat status {};
    if (::stat(here.c_str(), &status) != 0) return;
    if (!visited_.insert({status.st_dev, status.st_ino}).second) {
      ++found.passed_over.links;
      return;
    }
    const size_t found_before = found.names.size();
    std::error_code error;
    for (fs::directory_iterator entry(here, error), end; !error && entry != end;
         entry.increment(error)) {
      add(*entry, inside);
      if (one_of_each_ && !inside.empty() && found.names.size() > found_before) break;
    }
    if (error) fail(ErrorKind::io, here.string(), ": cannot be read: ", error.message());
  }

  void add(const fs::directory_entry& entry, const std::string& inside) {
    const std::string name = entry.path().filename().string();
    if (is_hidden(name)) {
      ++found.passed_over.hidden;
      return;
    }
    std::string path = inside.empty() ? name : inside + '/' + name;
    std::error_code unknown;
    if (entry.is_directory(unknown)) {
      if (entry.is_symlink(unknown))
        links_.push_back(std::move(path));
      else
        visit(path);
      return;
    }
    const std::optional<FileKind> by_name = kind_of_name(name);
    const FileKind kind = by_name ? *by_name : kind_of_file(entry.path().string());
    if (is_decoded(kind))
      found.names.push_back(std::move(path));
    else
      found.passed_over.add(kind);
  }

  fs::path root_;
  bool one_of_each_;
  std::set<Identity> visited_;
  std::vector<std::string> links_;  // to folders, found and not followed yet
};

}  // namespace

bool is_hidden(std::string_view name) {
  if (name.starts_with('.')) return true;
  const auto same = [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); };
  return std::any_of(
      std::begin(kSystemNames), std::end(kSystemNames), [&](std::string_view system) {
        return std::equal(system.begin(), system.end(), name.begin(), name.end(), same);
      });
}

FoundImages find_images(const fs::path& directory) {
  Walk walk(directory, WalkOver::all_images);
  walk.visit_root();
  walk.follow_links();
  std::sort(walk.found.names.begin(), walk.found.names.end());
  return std::move(walk.found);
}

std::string top_folder(const std::string& name) {
  const size_t slash = name.find('/');
  return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

std::vector<std::string> top_folders(const std::vector<std::string>& names) {
  std::set<std::string> folders;
  for (const std::string& name : names) folders.insert(top_folder(name));
  return {folders.begin(), folders.end()};
}

std::vector<std::string> find_image_folders(const fs::path& directory) {
  Walk walk(directory, WalkOver::one_image_of_each_folder);
  walk.visit_root();
  std::vector<std::string> folders = top_folders(walk.found.names);
  // A link that is not followed here cannot take an image from a folder that has one without links.
  const bool complete =
      std::all_of(walk.links().begin(), walk.links().end(), [&](const std::string& link) {
        return std::binary_search(folders.begin(), folders.end(), top_folder(link));
      });
  return complete ? folders : top_folders(find_images(directory).names);
}

}  // namespace amcl
