// The values of settings: read from and written into a Config, as text.
#pragma once
#include <string>

#include "train/config/config_schema.h"

namespace amcl {

// Whether the value is there: always, but for optional fields.
bool has_value(const Setting& setting, const Config& config);

// The value as one writes it after the flag: "0.2,1"; empty if it is not there.
std::string value_text(const Setting& setting, const Config& config);

// The value as in a TOML file: quoted text, [0.2, 1.0]; empty if it is not there.
std::string value_toml(const Setting& setting, const Config& config);

// Sets the value from `text`, as after the flag. Throws Error(usage), beginning with `name` (the
// flag, variable or line), if the text is not of the setting's kind. Ranges are validate's part.
void set_from_text(const Setting& setting, Config& config, const std::string& text,
                   const std::string& name);

// Makes an optional field empty.
void clear_value(const Setting& setting, Config& config);

// Whether the setting does anything in this configuration (Setting::only_with).
bool has_effect(const Setting& setting, const Config& config);

// What is wrong with the value of one setting: not finite, out of range, or not among the allowed
// ones ("must be at least 2"); empty if nothing.
std::string value_complaint(const Setting& setting, const Config& config);

}  // namespace amcl
