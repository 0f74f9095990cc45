// The directory of one run (train/checkpoint/run_files.h), locked while a process writes to it.
#pragma once
#include <cstdint>
#include <optional>
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
  // Locks the directory of a run that goes on; `run` as for directory_of_run(). Error(missing) if
  // it holds no run.
  static RunDirectory resume(const std::string& run);

  const std::string& path() const { return path_; }
  std::string config_path() const;
  std::string metrics_path() const;
  std::string heads_path() const;
  std::string checkpoint_path() const;  // of the newest
  // Empty if there is none yet.
  std::string summary() const;

  // True as long as the directory is this run's. False if it, or its lock, was removed meanwhile:
  // it is then made and locked again, and the caller writes anew what it held. Error(io) if it
  // cannot be made, or if another run has taken its place. Every write below begins with it.
  bool hold();

  void write_config(const std::string& toml);
  void write_labels(const std::string& lines);
  void write_summary(const std::string& json);

  // Makes `checkpoint` the newest one and keeps `keep` >= 1 in all. Throws Error(io) if the disk is
  // full or not writable; then the checkpoints that were there are all still there, and the caller,
  // whose state is untouched, may go on and try again.
  void write_checkpoint(const SafetensorsFile& checkpoint, int64_t keep);

  // Makes it the best one, in the place of any before. Error(io) as above.
  void write_best(const SafetensorsFile& checkpoint);

  // Makes `checkpoint`, one of list_checkpoints(), the newest one. Those before it in that list get
  // their abandoned_path_of(), over files of earlier calls, and are no longer part of the run.
  // Returns the new names.
  std::vector<std::string> go_back_to(const std::string& checkpoint);

 private:
  RunDirectory(std::string path, File lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  std::optional<File> lock_;  // always there, and another one after the directory was made again
};

}  // namespace amcl
