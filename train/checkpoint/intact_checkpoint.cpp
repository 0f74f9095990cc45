#include "train/checkpoint/intact_checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "engine/core/check.h"
#include "train/checkpoint/run_files.h"

namespace amcl {
namespace {

bool is_damage(ErrorKind kind) {
  return kind == ErrorKind::data || kind == ErrorKind::io || kind == ErrorKind::missing;
}

// What the directory has lost with the checkpoints that are damaged.
struct Loss {
  std::string reasons;          // newest first
  ErrorKind kind{};             // of the first of them
  std::optional<int64_t> step;  // of the newest one whose header still says it

  void add(const std::string& path, const Error& error) {
    if (reasons.empty()) kind = error.kind();
    reasons += concat_text(reasons.empty() ? "" : "; ", error.what());
    if (const std::optional<int64_t> found = stored_step(path))
      step = std::max(step.value_or(0), *found);
  }
};

std::string describe(const Loss& loss, const Checkpoint& intact) {
  const std::string place =
      concat_text(loss.reasons, ": ", intact.path, " takes its place, at step ", intact.state.step);
  if (!loss.step || *loss.step <= intact.state.step) return place;
  const int64_t steps = *loss.step - intact.state.step;
  return concat_text(place, " instead of ", *loss.step, ": ", steps,
                     steps == 1 ? " step is lost" : " steps are lost");
}

}  // namespace

Checkpoint read_intact_checkpoint(const std::string& path,
                                  const std::function<void(const std::string&)>& warn) {
  std::error_code unreachable;
  if (!std::filesystem::is_directory(path, unreachable)) {
    if (!std::filesystem::exists(path, unreachable))
      fail(ErrorKind::missing, "no run directory or checkpoint: ", path);
    return read_checkpoint(path);
  }
  const std::vector<std::string> all = list_checkpoints(path);
  if (all.empty()) fail(ErrorKind::missing, "run directory ", path, " holds no checkpoint");
  Loss loss;
  for (const std::string& candidate : all) {
    try {
      Checkpoint checkpoint = read_checkpoint(candidate);
      if (!loss.reasons.empty()) warn(describe(loss, checkpoint));
      return checkpoint;
    } catch (const Error& error) {
      if (!is_damage(error.kind())) throw;
      loss.add(candidate, error);
    }
  }
  fail(loss.kind, loss.reasons, all.size() > 1 ? "; no checkpoint of the run is intact" : "");
}

Checkpoint read_best_checkpoint(const std::string& path,
                                const std::function<void(const std::string&)>& warn) {
  std::error_code unreachable;
  const std::string best = best_checkpoint_of(path);
  if (!std::filesystem::is_directory(path, unreachable) || !file_exists(best))
    return read_intact_checkpoint(path, warn);
  try {
    return read_checkpoint(best);
  } catch (const Error& error) {
    if (!is_damage(error.kind())) throw;
    Checkpoint newest = read_intact_checkpoint(path, warn);
    warn(concat_text(error.what(), ": ", newest.path, " takes its place"));
    return newest;
  }
}

}  // namespace amcl
