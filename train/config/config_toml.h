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

// `name` stands for the text in messages. Throws Error(usage) with name and line for bad syntax, an
// unknown table or key (with the nearest one), or a value that is of another kind than the key's.
std::vector<TomlValue> read_toml(const std::string& text, const std::string& name);

// "a.toml:12: [train] batch", for messages.
std::string toml_place(const std::string& name, int64_t line, const Setting& setting);

}  // namespace amcl
