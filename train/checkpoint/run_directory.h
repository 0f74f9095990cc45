// The directory of one run, locked while a process writes to it:
//
//   config.toml                          the resolved configuration
//   metrics.jsonl                        run_log.h
//   checkpoint.safetensors               the newest checkpoint, always complete
//   checkpoint-step-<step>.safetensors   the ones before it (--keep counts the newest too)
//   summary.json                         written at the end
//   .lock                                held (flock) while the run writes
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/file.h"
#include "engine/io/safetensors.h"

namespace amcl {

class RunDirectory {
 public:
  // Makes and locks the directory for a new run. Error(usage) if it holds a run and `overwrite` is
  // false; with it the files of that run are removed (and no others). Error(io) if it cannot be
  // written or another process holds the lock.
  static RunDirectory create(const std::string& path, bool overwrite);
  // Locks the directory of a run that goes on. Error(missing) if it holds no checkpoint.
  static RunDirectory resume(const std::string& path);

  const std::string& path() const { return path_; }
  std::string checkpoint_path() const;
  std::string metrics_path() const;

  void write_config(const std::string& toml) const;
  void write_summary(const std::string& json) const;

  // Makes `checkpoint` the newest one and keeps `keep` >= 1 in all. Throws Error(io) if the disk is
  // full or not writable; then the checkpoints that were there are all still there, and the caller,
  // whose state is untouched, may go on and try again.
  void write_checkpoint(const SafetensorsFile& checkpoint, int64_t keep) const;

 private:
  RunDirectory(std::string path, File lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  File lock_;
};

// The checkpoint that `path` means: itself if it is a file, else the newest of the run directory.
// Error(missing) if there is neither.
std::string find_checkpoint(const std::string& path);

// The checkpoints of a run directory, newest first.
std::vector<std::string> list_checkpoints(const std::string& directory);

}  // namespace amcl
