#include "train/run/resume_check.h"

#include <filesystem>
#include <system_error>

#include "engine/backend/device_name.h"
#include "engine/core/check.h"
#include "train/config/config_value.h"
#include "train/run/shell_quoted.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// The first of "RUN-2", "RUN-3" ... that is free, relative if `run` is.
std::string name_beside(const std::string& run) {
  std::error_code unknown;
  fs::path whole = fs::absolute(run, unknown).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  for (int number = 2;; ++number) {
    const fs::path name = concat_text(whole.string(), '-', number);
    if (fs::exists(name, unknown)) continue;
    return fs::path(run).is_relative() ? fs::proximate(name, unknown).string() : name.string();
  }
}

struct Changes {
  std::string flags;          // that make the one configuration of the other
  bool of_the_model = false;  // so that the weights do not fit
};

Changes changes(const Config& from, const Config& to) {
  Changes result;
  for (const Setting& setting : config_settings()) {
    if (value_toml(setting, from) == value_toml(setting, to) || !has_value(setting, to)) continue;
    if (setting.key == "out" || setting.key == "init" || setting.key == "overwrite") continue;
    result.of_the_model |= setting.table == "model" || setting.table == "objective";
    const std::string value = value_text(setting, to);
    if (!setting.is_switch())
      result.flags += concat_text(' ', setting.flag(), ' ', shell_quoted(value));
    else
      result.flags += value == "true" ? ' ' + setting.flag() : " --no-" + setting.flag().substr(2);
  }
  return result;
}

}  // namespace

void check_config(const Config& started, const Config& config, const RunDirectory& directory,
                  const Checkpoint* checkpoint) {
  Config stored = started;
  stored.data.data = config.data.data;
  // Another GPU goes on where the first one stopped.
  if (parse_device_name(stored.train.device).backend ==
      parse_device_name(config.train.device).backend)
    stored.train.device = config.train.device;
  const std::optional<ConfigDifference> difference = first_difference(stored, config);
  if (!difference || difference->may_change) return;
  const Changes changed = changes(stored, config);
  const bool takes_weights = checkpoint != nullptr && !changed.of_the_model;
  fail(ErrorKind::usage, "resume: ", difference->key, " is ", difference->right,
       ", but the run was started with ", difference->left, "; for a new run",
       takes_weights ? " from its weights" : "", ": amcl pretrain --config ",
       shell_quoted(directory.config_path()),
       takes_weights ? " --init " + shell_quoted(checkpoint->path) : "", changed.flags,
       stored.train.overwrite ? " --no-overwrite" : "", " --out ",
       shell_quoted(name_beside(directory.path())));
}

void check_data(const Checkpoint& checkpoint, const Dataset& dataset, const Config& config) {
  const std::string fingerprint = dataset.fingerprint();
  if (fingerprint != checkpoint.state.data_fingerprint)
    fail(ErrorKind::data, "resume: the images of ", config.data.data, " are ", fingerprint,
         ", those that the run was started with ", checkpoint.state.data_fingerprint,
         "; put them back, name where they are with --data, or start a new run with --init ",
         checkpoint.path);
  const ImageExtent& stored = checkpoint.encoder.preprocessing.view;
  const ImageExtent view = dataset.view_extent();
  if (stored != ImageExtent{} && view != stored)
    fail(ErrorKind::data, checkpoint.path, ": the run's views are ", stored.height, " x ",
         stored.width, ", those of its settings and data ", view.height, " x ", view.width);
}

}  // namespace amcl
