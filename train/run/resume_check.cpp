#include "train/run/resume_check.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/backend/device_name.h"
#include "engine/core/check.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"
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

bool is_of_model(const SettingDifference& difference) {
  const std::string_view table = difference.setting.table;
  return table == "model" || table == "objective";
}

// The flags that make the one configuration of the other.
std::string flags_of(const std::vector<SettingDifference>& differences) {
  std::string flags;
  for (const auto& [setting, left, right, text] : differences) {
    const std::string flag = flag_of(setting.key);
    const std::string_view key = setting.key;
    if (key == "out" || key == "init" || key == "overwrite" || right.empty()) continue;
    if (*setting.value != '\0')
      flags += concat_text(' ', flag, ' ', shell_quoted(text));
    else
      flags += text == "true" ? ' ' + flag : " --no-" + flag.substr(2);
  }
  return flags;
}

// A fine-tuned run starts from the encoder that its configuration names.
const char* command_of(const Config& config) {
  return traits_of(config.method).labelled ? "finetune" : "pretrain";
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
  const std::vector<SettingDifference> differences = differences_of(stored, config);
  const auto refused = std::find_if(differences.begin(), differences.end(),
                                    [](const auto& one) { return !one.setting.may_change; });
  if (refused == differences.end()) return;
  const bool takes_weights = checkpoint != nullptr && !traits_of(stored.method).labelled &&
                             std::none_of(differences.begin(), differences.end(), is_of_model);
  const auto shown = [](const std::string& value) { return value.empty() ? "not used" : value; };
  fail(ErrorKind::usage, "resume: ", config_name_of(refused->setting), " is ",
       shown(refused->right), ", but the run was started with ", shown(refused->left),
       "; for a new run", takes_weights ? " from its weights" : "", ": amcl ", command_of(stored),
       " --config ", shell_quoted(directory.config_path()),
       takes_weights ? " --init " + shell_quoted(checkpoint->path) : "", flags_of(differences),
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
