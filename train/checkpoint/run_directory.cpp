#include "train/checkpoint/run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.toml";
constexpr std::string_view kMetrics = "metrics.jsonl";
constexpr std::string_view kSummary = "summary.json";
constexpr std::string_view kNewest = "checkpoint.safetensors";
constexpr std::string_view kPreviousPrefix = "checkpoint-step-";
constexpr std::string_view kExtension = ".safetensors";
constexpr std::string_view kLock = ".lock";

std::string in(const std::string& directory, std::string_view name) {
  return (fs::path(directory) / name).string();
}

bool exists(const std::string& path) {
  std::error_code unreachable;
  return fs::exists(path, unreachable);
}

bool is_directory(const std::string& path) {
  std::error_code unreachable;
  return fs::is_directory(path, unreachable);
}

void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) fail_writing(path, error.value());
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

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) fail(ErrorKind::io, "cannot read ", directory, ": ", error.message());
  return names;
}

// The previous checkpoints of a run directory, newest first.
std::vector<std::string> previous_checkpoints(const std::string& directory) {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const std::string& name : names_in(directory))
    if (const auto step = step_in_name(name)) found.emplace_back(*step, in(directory, name));
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

bool holds_run(const std::string& directory) {
  return exists(in(directory, kConfig)) || exists(in(directory, kMetrics)) ||
         !list_checkpoints(directory).empty();
}

// What a killed process has left half-written.
void sweep_temporaries(const std::string& directory) {
  for (const std::string& name : names_in(directory)) {
    std::string_view base = name;
    if (!base.ends_with(AtomicFile::kTemporarySuffix)) continue;
    base.remove_suffix(AtomicFile::kTemporarySuffix.size());
    if (base == kConfig || base == kSummary || base == kNewest || step_in_name(base))
      remove_file(in(directory, name));
  }
}

void remove_run(const std::string& directory) {
  for (const std::string& path : list_checkpoints(directory)) remove_file(path);
  for (const std::string_view name : {kSummary, kMetrics, kConfig})
    remove_file(in(directory, name));
}

void make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!is_directory(path)) fail_writing(path, error ? error.value() : ENOTDIR);
}

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  return concat_text("process ", ::getpid(), " on ", host.data());
}

// The kernel ends the lock with the process, however it ends; the file stays and holds who it was.
File lock_directory(const std::string& directory) {
  File file = File::open_for_writing(in(directory, kLock));
  if (!file.try_lock()) {
    std::string owner(static_cast<size_t>(file.size()), '\0');
    file.read(std::as_writable_bytes(std::span(owner)));
    fail(ErrorKind::io, "run directory ", directory, " is in use by ", owner,
         "; wait for it or choose another --out");
  }
  file.truncate(0);
  const std::string owner = this_process();
  file.write(std::as_bytes(std::span(owner)));
  return file;
}

// The step of a checkpoint; nothing if it cannot be read.
std::optional<int64_t> step_in_file(const std::string& path) {
  try {
    const auto metadata = read_safetensors_metadata(path);
    const auto step = metadata.find("step");
    if (step == metadata.end()) return std::nullopt;
    return parse_step(step->second);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// A second name for the file, so that replacing the first one leaves no moment without either.
void keep_as(const std::string& path, const std::string& second_name) {
  remove_file(second_name);
  std::error_code error;
  fs::create_hard_link(path, second_name, error);
  if (error) fs::copy_file(path, second_name, error);  // a file system without links
  if (error) {
    std::error_code ignored;
    fs::remove(second_name, ignored);
    fail_writing(second_name, error.value());
  }
}

}  // namespace

RunDirectory RunDirectory::create(const std::string& path, bool overwrite) {
  make_directory(path);
  File held = lock_directory(path);
  if (holds_run(path)) {
    if (!overwrite)
      fail(ErrorKind::usage, "run directory ", path, " holds a run already: use --resume ", path,
           " to go on with it, --overwrite to replace it, or another --out");
    remove_run(path);
  }
  sweep_temporaries(path);
  return {path, std::move(held)};
}

RunDirectory RunDirectory::resume(const std::string& path) {
  find_checkpoint(path);
  if (!is_directory(path))
    fail(ErrorKind::usage, "resume: ", path, " is a file; give the directory of the run");
  File held = lock_directory(path);
  sweep_temporaries(path);
  return {path, std::move(held)};
}

std::string RunDirectory::checkpoint_path() const {
  return find_checkpoint(path_);
}

std::string RunDirectory::metrics_path() const {
  return in(path_, kMetrics);
}

void RunDirectory::write_config(const std::string& toml) const {
  write_file_atomically(in(path_, kConfig), toml);
}

void RunDirectory::write_summary(const std::string& json) const {
  write_file_atomically(in(path_, kSummary), json);
}

void RunDirectory::write_checkpoint(const SafetensorsFile& checkpoint, int64_t keep) const {
  AMCL_CHECK(keep >= 1, "keep: must be at least 1, got ", keep);
  const std::string newest = in(path_, kNewest);
  const auto step = exists(newest) ? step_in_file(newest) : std::nullopt;
  const bool rewritten = step && std::to_string(*step) == checkpoint.metadata.at("step");
  if (keep > 1 && step && !rewritten)
    keep_as(newest, in(path_, concat_text(kPreviousPrefix, *step, kExtension)));
  write_safetensors(newest, checkpoint, true);
  const std::vector<std::string> previous = previous_checkpoints(path_);
  for (size_t i = static_cast<size_t>(keep) - 1; i < previous.size(); ++i) {
    std::error_code stays;  // one checkpoint too many harms nobody
    fs::remove(previous[i], stays);
  }
}

std::vector<std::string> list_checkpoints(const std::string& directory) {
  std::vector<std::string> paths = previous_checkpoints(directory);
  const std::string newest = in(directory, kNewest);
  if (exists(newest)) paths.insert(paths.begin(), newest);
  return paths;
}

std::string find_checkpoint(const std::string& path) {
  if (is_directory(path)) {
    const std::vector<std::string> all = list_checkpoints(path);
    if (all.empty()) fail(ErrorKind::missing, "run directory ", path, " holds no checkpoint");
    return all.front();
  }
  if (!exists(path)) fail(ErrorKind::missing, "no run directory or checkpoint: ", path);
  return path;
}

}  // namespace amcl
