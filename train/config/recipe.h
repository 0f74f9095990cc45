// Whole recipes that come with the program, for `--preset NAME`: the TOML files of train/presets/,
// compiled in, each with its source, the expected value and its protocol as comments.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace amcl {

struct Recipe {
  std::string_view name;  // the file's, without .toml
  std::string_view text;  // TOML

  // The first line of the text, which says what it is and what to expect.
  std::string_view title() const;
};

std::span<const Recipe> recipes();

// `place` is where the name was given, for the message. Throws Error(usage) with the nearest name.
const Recipe& find_recipe(const std::string& name, const std::string& place = "--preset");

}  // namespace amcl
