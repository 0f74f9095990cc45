// Configuration files: each key that stands there, with its line, in the order of the file; and back.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "train/config/known_setting.h"

namespace amcl {

struct TomlValue {
  const KnownSetting* setting;
  std::string text;  // as set_from_text takes it
  int64_t line;
};

struct TomlFile {
  std::string preset;        // the recipe that the values stand on, by preset = "NAME" above the
  std::string preset_place;  // tables, and where that is: "a.toml:1: preset"; or empty
  std::vector<TomlValue> values;
};

// `name` stands for the text in messages. Throws Error(usage) with name and line for bad syntax, an
// unknown table or key (with the nearest one), or a value that is of another kind than the key's.
TomlFile read_toml(const std::string& text, const std::string& name);

// Every setting that has an effect, numbers with enough digits to read back to the same bits.
std::string to_toml(const Config& config);

}  // namespace amcl
