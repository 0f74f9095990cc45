#include "train/checkpoint/run_directory.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "train/checkpoint/run_files.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

void make_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  std::error_code unreachable;
  if (!fs::is_directory(path, unreachable)) fail_writing(path, error ? error.value() : ENOTDIR);
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
  File file = File::open_for_writing(lock_path_of(directory));
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
  remove_temporaries(path);
  if (holds_run(path)) {
    if (!overwrite)
      fail(ErrorKind::usage, "run directory ", path, " holds a run already: use ",
           file_exists(config_path_of(path)) ? concat_text("--resume ", path, " to go on with it, ")
                                             : "",
           "--overwrite to replace it, or another --out");
    remove_run(path);
  }
  return {path, std::move(held)};
}

RunDirectory RunDirectory::resume(const std::string& run) {
  const std::string path = directory_of_run(run);
  if (!holds_run(path)) fail(ErrorKind::missing, "run directory ", path, " holds no run");
  File held = lock_directory(path);
  remove_temporaries(path);
  return {path, std::move(held)};
}

std::string RunDirectory::config_path() const {
  return config_path_of(path_);
}

std::string RunDirectory::metrics_path() const {
  return metrics_path_of(path_);
}

std::string RunDirectory::heads_path() const {
  return heads_path_of(path_);
}

std::string RunDirectory::checkpoint_path() const {
  return newest_checkpoint_of(path_);
}

std::string RunDirectory::summary() const {
  const std::string path = summary_path_of(path_);
  if (!file_exists(path)) return {};
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

void RunDirectory::write_labels(const std::string& lines) {
  hold();
  write_file_atomically(labels_path_of(path_), lines);
}

void RunDirectory::write_best(const SafetensorsFile& checkpoint) {
  hold();
  write_safetensors(best_checkpoint_of(path_), checkpoint, true);
}

void RunDirectory::write_summary(const std::string& json) {
  hold();
  write_file_atomically(summary_path_of(path_), json);
}

void RunDirectory::write_checkpoint(const SafetensorsFile& checkpoint, int64_t keep) {
  AMCL_CHECK(keep >= 1, "keep: must be at least 1, got ", keep);
  hold();
  const std::string newest = newest_checkpoint_of(path_);
  const auto step = file_exists(newest) ? stored_step(newest) : std::nullopt;
  const bool rewritten = step && std::to_string(*step) == checkpoint.metadata.at("step");
  if (keep > 1 && step && !rewritten) keep_as(newest, previous_checkpoint_of(path_, *step));
  write_safetensors(newest, checkpoint, true);
  const std::vector<std::string> previous = list_previous_checkpoints(path_);
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
    abandoned.push_back(abandoned_path_of(later));
    rename_over(later, abandoned.back());
  }
  if (!abandoned.empty()) remove_file(summary_path_of(path_));  // it is of a later step
  if (checkpoint != checkpoint_path()) rename_over(checkpoint, checkpoint_path());
  return abandoned;
}

}  // namespace amcl
