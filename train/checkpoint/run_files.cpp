#include "train/checkpoint/run_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "engine/io/safetensors.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.toml";
constexpr std::string_view kMetrics = "metrics.jsonl";
constexpr std::string_view kHeads = "heads.jsonl";
constexpr std::string_view kSummary = "summary.json";
constexpr std::string_view kLock = ".lock";
constexpr std::string_view kNewest = "checkpoint.safetensors";
constexpr std::string_view kBest = "best.safetensors";
constexpr std::string_view kLabels = "labels.tsv";
constexpr std::string_view kPreviousPrefix = "checkpoint-step-";
constexpr std::string_view kExtension = ".safetensors";
constexpr std::string_view kAbandonedPrefix = "abandoned-";

std::string in(const std::string& directory, std::string_view name) {
  return (fs::path(directory) / name).string();
}

bool is_directory(const std::string& path) {
  std::error_code unreachable;
  return fs::is_directory(path, unreachable);
}

std::optional<int64_t> parse_step(std::string_view digits) {
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return step;
}

// The step in the name of a previous checkpoint.
std::optional<int64_t> step_in_name(std::string_view name) {
  if (!name.starts_with(kPreviousPrefix) || !name.ends_with(kExtension) ||
      name.size() < kPreviousPrefix.size() + kExtension.size())
    return std::nullopt;
  name.remove_prefix(kPreviousPrefix.size());
  name.remove_suffix(kExtension.size());
  return parse_step(name);
}

bool names_checkpoint(std::string_view name) {
  return name == kNewest || step_in_name(name);
}

// A checkpoint that the run has left behind.
bool names_abandoned(std::string_view name) {
  return name.starts_with(kAbandonedPrefix) &&
         names_checkpoint(name.substr(kAbandonedPrefix.size()));
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) fail(ErrorKind::io, "cannot read ", directory, ": ", error.message());
  return names;
}

}  // namespace

std::string directory_of_run(const std::string& run) {
  if (is_directory(run)) return run;
  if (!file_exists(run)) fail(ErrorKind::missing, "no run directory or checkpoint: ", run);
  const fs::path file(run);
  if (!names_checkpoint(file.filename().string()))
    fail(ErrorKind::usage, run,
         " is neither a run directory nor a checkpoint in one; --init starts a new run from the "
         "weights of any checkpoint");
  return file.has_parent_path() ? file.parent_path().string() : ".";
}

std::string config_path_of(const std::string& directory) {
  return in(directory, kConfig);
}

std::string metrics_path_of(const std::string& directory) {
  return in(directory, kMetrics);
}

std::string heads_path_of(const std::string& directory) {
  return in(directory, kHeads);
}

std::string summary_path_of(const std::string& directory) {
  return in(directory, kSummary);
}

std::string lock_path_of(const std::string& directory) {
  return in(directory, kLock);
}

std::string newest_checkpoint_of(const std::string& directory) {
  return in(directory, kNewest);
}

std::string best_checkpoint_of(const std::string& directory) {
  return in(directory, kBest);
}

std::string labels_path_of(const std::string& directory) {
  return in(directory, kLabels);
}

std::string previous_checkpoint_of(const std::string& directory, int64_t step) {
  return in(directory, concat_text(kPreviousPrefix, step, kExtension));
}

std::string abandoned_path_of(const std::string& checkpoint) {
  const fs::path path(checkpoint);
  return (path.parent_path() / concat_text(kAbandonedPrefix, path.filename().string())).string();
}

std::optional<int64_t> stored_step(const std::string& path) {
  try {
    const auto metadata = read_safetensors_metadata(path);
    const auto step = metadata.find("step");
    if (step == metadata.end()) return std::nullopt;
    return parse_step(step->second);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::string> list_previous_checkpoints(const std::string& directory) {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const std::string& name : names_in(directory))
    if (const auto step = step_in_name(name)) found.emplace_back(*step, in(directory, name));
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

std::vector<std::string> list_checkpoints(const std::string& directory) {
  std::vector<std::string> paths = list_previous_checkpoints(directory);
  const std::string newest = newest_checkpoint_of(directory);
  if (file_exists(newest)) paths.insert(paths.begin(), newest);
  return paths;
}

bool holds_run(const std::string& directory) {
  return file_exists(config_path_of(directory)) || file_exists(metrics_path_of(directory)) ||
         !list_checkpoints(directory).empty();
}

void remove_temporaries(const std::string& directory) {
  for (const std::string& name : names_in(directory)) {
    std::string_view base = name;
    if (!base.ends_with(AtomicFile::kTemporarySuffix)) continue;
    base.remove_suffix(AtomicFile::kTemporarySuffix.size());
    if (base == kConfig || base == kSummary || base == kBest || base == kLabels ||
        names_checkpoint(base))
      remove_file(in(directory, name));
  }
}

void remove_run(const std::string& directory) {
  for (const std::string& name : names_in(directory))
    if (names_checkpoint(name) || names_abandoned(name)) remove_file(in(directory, name));
  for (const std::string_view name : {kSummary, kBest, kLabels, kHeads, kMetrics, kConfig})
    remove_file(in(directory, name));
}

bool file_exists(const std::string& path) {
  std::error_code unreachable;
  return fs::exists(path, unreachable);
}

void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) fail_writing(path, error.value());
}

}  // namespace amcl
