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
constexpr std::string_view kAbandonedPrefix = "abandoned-";
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
    if (base == kConfig || base == kSummary || names_checkpoint(base))
      remove_file(in(directory, name));
  }
}

void remove_run(const std::string& directory) {
  for (const std::string& name : names_in(directory))
    if (names_checkpoint(name) || names_abandoned(name)) remove_file(in(directory, name));
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

// What this_process() was for the one that has locked a directory.
std::string owner_in(const File& lock) {
  constexpr int64_t kLongest = 512;
  std::string owner(static_cast<size_t>(std::min(lock.size(), kLongest)), '\0');
  lock.read_at(0, std::as_writable_bytes(std::span(owner)));
  return owner;
}

// The kernel ends the lock with the process, however it ends; the file stays and holds who it was.
File lock_directory(const std::string& directory) {
  File file = File::open_for_writing(in(directory, kLock));
  if (!file.try_lock())
    fail(ErrorKind::io, "run directory ", directory, " is in use by ", owner_in(file),
         "; wait for it or choose another --out");
  file.truncate(0);
  const std::string owner = this_process();
  file.write(std::as_bytes(std::span(owner)));
  return file;
}

// A second name for the file, so that replacing the first one leaves no moment without either.
void keep_as(const std::string& path, const std::string& second_name) {
  const std::string temporary = second_name + std::string(AtomicFile::kTemporarySuffix);
  remove_file(temporary);
  std::error_code error;
  fs::create_hard_link(path, temporary, error);
  if (error) fs::copy_file(path, temporary, error);  // a file system without links
  if (error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    fail_writing(second_name, error.value());
  }
  rename_over(temporary, second_name);
}

}  // namespace

RunDirectory RunDirectory::create(const std::string& path, bool overwrite) {
  make_directory(path);
  File held = lock_directory(path);
  sweep_temporaries(path);
  if (holds_run(path)) {
    if (!overwrite)
      fail(
          ErrorKind::usage, "run directory ", path, " holds a run already: use ",
          exists(config_path_of(path)) ? concat_text("--resume ", path, " to go on with it, ") : "",
          "--overwrite to replace it, or another --out");
    remove_run(path);
  }
  return {path, std::move(held)};
}

RunDirectory RunDirectory::resume(const std::string& run) {
  const std::string path = directory_of_run(run);
  if (!holds_run(path)) fail(ErrorKind::missing, "run directory ", path, " holds no run");
  File held = lock_directory(path);
  sweep_temporaries(path);
  return {path, std::move(held)};
}

std::string RunDirectory::config_path() const {
  return config_path_of(path_);
}

std::string RunDirectory::metrics_path() const {
  return in(path_, kMetrics);
}

std::string RunDirectory::checkpoint_path() const {
  return in(path_, kNewest);
}

std::string RunDirectory::summary() const {
  const std::string path = in(path_, kSummary);
  if (!exists(path)) return {};
  File file = File::open_for_reading(path);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read(std::as_writable_bytes(std::span(text)));
  return text;
}

bool RunDirectory::hold() {
  if (lock_->still_in_place()) return true;
  std::error_code unreachable;
  const fs::file_type there = fs::symlink_status(lock_->path(), unreachable).type();
  // A network mount that is away for a while: the write itself will say what is wrong.
  if (there == fs::file_type::none) return true;
  if (there != fs::file_type::not_found)
    fail(ErrorKind::io, "run directory ", path_,
         " was replaced by that of another run; this one ends and leaves it alone");
  make_directory(path_);
  File held = lock_directory(path_);
  lock_.emplace(std::move(held));
  return false;
}

void RunDirectory::write_config(const std::string& toml) {
  hold();
  write_file_atomically(config_path(), toml);
}

void RunDirectory::write_summary(const std::string& json) {
  hold();
  write_file_atomically(in(path_, kSummary), json);
}

void RunDirectory::write_checkpoint(const SafetensorsFile& checkpoint, int64_t keep) {
  AMCL_CHECK(keep >= 1, "keep: must be at least 1, got ", keep);
  hold();
  const std::string newest = in(path_, kNewest);
  const auto step = exists(newest) ? stored_step(newest) : std::nullopt;
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

std::vector<std::string> RunDirectory::go_back_to(const std::string& checkpoint) {
  hold();
  std::vector<std::string> abandoned;
  for (const std::string& later : list_checkpoints(path_)) {
    if (later == checkpoint) break;
    const std::string name = fs::path(later).filename().string();
    abandoned.push_back(in(path_, concat_text(kAbandonedPrefix, name)));
    rename_over(later, abandoned.back());
  }
  if (!abandoned.empty()) remove_file(in(path_, kSummary));  // it is of a later step
  if (checkpoint != checkpoint_path()) rename_over(checkpoint, checkpoint_path());
  return abandoned;
}

std::string directory_of_run(const std::string& run) {
  if (is_directory(run)) return run;
  if (!exists(run)) fail(ErrorKind::missing, "no run directory or checkpoint: ", run);
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

std::vector<std::string> list_checkpoints(const std::string& directory) {
  std::vector<std::string> paths = previous_checkpoints(directory);
  const std::string newest = in(directory, kNewest);
  if (exists(newest)) paths.insert(paths.begin(), newest);
  return paths;
}

}  // namespace amcl
