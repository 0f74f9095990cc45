// Reading configuration files: each key that stands there, with its line, in the order of the file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "train/config/config_schema.h"

namespace amcl {

struct TomlValue {
  const Setting* setting;
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

// "a.toml:12: [train] batch", for messages.
std::string toml_place(const std::string& name, int64_t line, const Setting& setting);

}  // namespace amcl
