// All settings that any run may have: from them come the flags and their help, the keys of files and the
// environment variables. Found by visiting a run of every kind.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace amcl {

// What a run is for: `finetune` learns from labels.
enum class RunKind : uint8_t { any, pretrain, finetune };

struct KnownSetting {
  Setting setting = {};                   // without complaint
  std::vector<std::string> allowed = {};  // of a text or a choice; empty: any
  bool is_text = false;
  bool is_choice = false;      // of what other settings there are
  bool adaptive_only = false;  // has no effect without adaptive temperatures
  bool by_method = false;      // its usual value depends on the method or on its form
  bool by_data = false;        // left to the data where nothing is said
  std::string usual = {};      // value, for the help: "0; 1 for barlow"
  // By the key of a choice the names with which the setting has an effect: of "optimizer" lars. A key is
  // missing where that depends on another choice.
  std::map<std::string, std::vector<std::string>> effective = {};
  Choices example = {};  // with which it has an effect

  bool is_switch() const { return *setting.value == '\0'; }
};

// Those that runs of a kind may have, table after table.
const std::vector<KnownSetting>& known_settings(RunKind kind = RunKind::any);

// The setting of a key, with its table ("optimizer.lr") or without ("lr"); null if there is none.
const KnownSetting* find_setting(const std::string& name, RunKind kind = RunKind::any);

// The choice because of which a setting has no effect on a run: its key, the name that was chosen, and
// those with which the setting has one, as "lars, adamw".
struct DecidingChoice {
  std::string key;
  std::string chosen;
  std::string others;
};
DecidingChoice deciding_choice(const KnownSetting& setting, const Choices& choices);

}  // namespace amcl
