#include "data/sources/part_folders.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "data/sources/directory_walk.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// In the order in which they are looked for.
constexpr const char* kTrainNames[] = {"train", "training"};
constexpr const char* kTestNames[] = {"val", "valid", "validation", "dev", "test", "testing"};

std::string in_lower_case(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

bool is_one_of(std::span<const char* const> names, const std::string& folder) {
  return std::find(names.begin(), names.end(), in_lower_case(folder)) != names.end();
}

// In lower case if it is there so.
std::optional<std::string> find_one_of(std::span<const char* const> names,
                                       const std::vector<std::string>& folders) {
  for (const char* name : names) {
    if (std::find(folders.begin(), folders.end(), name) != folders.end()) return name;
    for (const std::string& folder : folders)
      if (in_lower_case(folder) == name) return folder;
  }
  return std::nullopt;
}

std::vector<std::string> list_folders(const fs::path& directory) {
  std::vector<std::string> folders;
  std::error_code error;  // the walk reports it
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;
    if (!entry->is_directory(unknown)) continue;
    std::string name = entry->path().filename().string();
    if (!is_hidden(name)) folders.push_back(std::move(name));
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace

std::optional<PartFolders> find_part_folders(const fs::path& directory) {
  std::vector<std::string> folders = list_folders(directory);
  const std::optional<std::string> train = find_one_of(kTrainNames, folders);
  const std::optional<std::string> test = find_one_of(kTestNames, folders);
  if (!train || !test) return std::nullopt;
  std::erase(folders, *train);
  std::erase(folders, *test);
  return PartFolders{directory / *train, directory / *test, std::move(folders)};
}

void refuse_parts_as_classes(const fs::path& directory, const std::vector<std::string>& classes) {
  const auto may_be_train = [](const std::string& name) { return is_one_of(kTrainNames, name); };
  const auto may_be_test = [](const std::string& name) { return is_one_of(kTestNames, name); };
  auto part = std::find_if(classes.begin(), classes.end(), may_be_train);
  if (part == classes.end() && std::all_of(classes.begin(), classes.end(), may_be_test))
    part = classes.begin();
  if (part == classes.end()) return;
  const std::string& other = classes.front() == *part ? classes.back() : classes.front();
  std::string test_names;
  for (const char* name : kTestNames)
    test_names += concat_text(test_names.empty() ? "" : ", ", name);
  fail(ErrorKind::data, directory.string(), ": the folder ", *part, " may be a class, as may ",
       other,
       ", or a part of the set. For classes give --layout classes; for the part give --data ",
       (directory / *part).string(), ", or have train beside one of ", test_names);
}

}  // namespace amcl
