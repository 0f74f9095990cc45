// The files of a run directory by their names:
//
//   config.toml                          the resolved configuration
//   metrics.jsonl                        train/run/run_log.h
//   heads.jsonl                          the same of what is recorded once per epoch
//   checkpoint.safetensors               the newest checkpoint, always complete
//   checkpoint-step-<step>.safetensors   the ones before it (--keep counts the newest too)
//   best.safetensors                     of amcl finetune: the checkpoint that is best on held-out labels
//   labels.tsv                           of amcl finetune: the labels that it learns from, and those held out
//   summary.json                         written at the end
//   .lock                                held (flock) while the run writes
//   abandoned-checkpoint*.safetensors    later ones than that from which the run went on
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace amcl {

// The run directory that `run` names: itself, or by one of its checkpoints. Error(missing) if there
// is neither, Error(usage) if it is another file.
std::string directory_of_run(const std::string& run);

std::string config_path_of(const std::string& directory);
std::string metrics_path_of(const std::string& directory);
std::string heads_path_of(const std::string& directory);
std::string summary_path_of(const std::string& directory);
std::string lock_path_of(const std::string& directory);
std::string newest_checkpoint_of(const std::string& directory);
std::string best_checkpoint_of(const std::string& directory);
std::string labels_path_of(const std::string& directory);
// The name that the newest checkpoint has once there is a newer one.
std::string previous_checkpoint_of(const std::string& directory, int64_t step);
// The name of `checkpoint` once the run went on from an earlier one.
std::string abandoned_path_of(const std::string& checkpoint);

// The step of a checkpoint file by its header alone; empty if that cannot be read.
std::optional<int64_t> stored_step(const std::string& checkpoint);

// The checkpoints that are there, newest first. Error(io) if the directory cannot be read.
std::vector<std::string> list_checkpoints(const std::string& directory);
// Without the newest.
std::vector<std::string> list_previous_checkpoints(const std::string& directory);

// Whether there is a configuration, a log or a checkpoint.
bool holds_run(const std::string& directory);

// Removes what a killed process has left half-written. Error(io), as of all that remove.
void remove_temporaries(const std::string& directory);
// Removes the files of a run and no others.
void remove_run(const std::string& directory);

// False too where the path cannot be reached.
bool file_exists(const std::string& path);
void remove_file(const std::string& path);

}  // namespace amcl
