// Holds docs/architecture.md to the tree: its table is counted again, and its picture shows every room.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace amcl {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = AMCL_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Sources of the program, as paths from the root.
std::vector<std::string> sources() {
  static const std::set<std::string> endings{".h", ".cpp", ".cu", ".cuh"};
  std::vector<std::string> result;
  for (const char* folder : {"engine", "models", "data", "train"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder))
      if (endings.contains(entry.path().extension().string()))
        result.push_back(fs::relative(entry.path(), kRoot).generic_string());
  return result;
}

bool holds_word(const std::string& text, const std::string& word) {
  const auto is_part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end])))
      return true;
  }
  return false;
}

struct Row {
  std::string addition;
  size_t count = 0;
  std::string word;
  std::set<std::string> files;
};

// The rows of the table "What an addition touches".
std::vector<Row> rows(const std::string& document) {
  static const std::regex row(R"(^\| ([^|`]+) \| (\d+)[^|]* \| `(\w+)` \| ([^|]+) \|$)");
  static const std::regex span("`([^`]+)`");
  std::vector<Row> result;
  std::istringstream lines(document);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    const std::string files = match[4];
    result.push_back({match[1], std::stoul(match[2]), match[3], {}});
    for (std::sregex_iterator file(files.begin(), files.end(), span), end; file != end; ++file)
      result.back().files.insert((*file)[1]);
  }
  return result;
}

TEST_CASE("architecture: an addition touches the files that the table names and no others") {
  const std::vector<Row> table = rows(read(kRoot / "docs/architecture.md"));
  CHECK(table.size() == 9);
  const std::vector<std::string> paths = sources();
  for (const Row& row : table) {
    INFO(row.addition, " ", row.word);
    std::set<std::string> found;
    const bool of_engine = row.addition.starts_with("operation");  // above it an operation is used
    for (const std::string& path : paths)
      if ((!of_engine || path.starts_with("engine/")) && holds_word(read(kRoot / path), row.word))
        found.insert(path);
    CHECK(row.count == row.files.size());
    for (const std::string& file : row.files) {
      if (file.ends_with(".toml") && fs::exists(kRoot / file)) found.insert(file);  // a preset
      CHECK_MESSAGE(found.contains(file), file);
    }
    for (const std::string& file : found) CHECK_MESSAGE(row.files.contains(file), file);
  }
}

TEST_CASE("architecture: the picture shows every room that holds sources") {
  const std::string document = read(kRoot / "docs/architecture.md");
  const size_t begin = document.find("```\n");
  const std::string picture = document.substr(begin, document.find("```", begin + 3) - begin);
  std::set<std::string> rooms;
  for (const std::string& path : sources()) rooms.insert(fs::path(path).parent_path().filename());
  for (const std::string& room : rooms) {
    if (room == "kernels") continue;  // of backend/cuda
    CHECK_MESSAGE(picture.find(room + '/') != std::string::npos, room);
  }
}

// x stands for a name.
bool is_placeholder(const std::string& stem) {
  return stem == "x" || stem.starts_with("x_") || stem.ends_with("_x");
}

// Paths that a document names and that are not there: in the tree, beside the document, or in a folder of the engine.
std::vector<std::string> dead_paths(const fs::path& document) {
  static const std::regex span(R"(`([\w./-]+/[\w.-]+\.(?:h|cpp|cu|cuh|md|py|sh|toml))`)");
  const std::string text = read(document);
  std::vector<std::string> dead;
  for (std::sregex_iterator found(text.begin(), text.end(), span), end; found != end; ++found) {
    const std::string path = (*found)[1];
    if (is_placeholder(fs::path(path).stem())) continue;
    const fs::path places[] = {kRoot, document.parent_path(), kRoot / "engine"};
    if (std::none_of(std::begin(places), std::end(places),
                     [&](const fs::path& place) { return fs::exists(place / path); }))
      dead.push_back(path);
  }
  return dead;
}

TEST_CASE("architecture: files that the documents name are there") {
  for (const char* document :
       {"README.md", "docs/architecture.md", "docs/contributing.md", "docs/reading.md",
        "docs/objectives.md", "docs/limits.md", "docs/run-directory.md", "engine/README.md",
        "engine/backend/cuda/README.md", "models/README.md", "data/README.md", "train/README.md",
        "tests/README.md", "tests/golden/README.md", "tools/README.md"})
    for (const std::string& path : dead_paths(kRoot / document))
      FAIL_CHECK(std::string(document), ": ", path);
}

}  // namespace
}  // namespace amcl
