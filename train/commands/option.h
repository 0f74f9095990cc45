// Options of a sub-command: text in, checked value out, and one way to describe them in the help.
#pragma once
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "train/config/known_setting.h"
#include "train/config/value_text.h"

namespace amcl {

struct OptionHelp {
  std::string value = {};  // stands for the value: "N"
  std::string unit = {};
  std::string help = {};
  std::vector<std::string> allowed = {};
  ValueRange range = {};
};

// "what it is [pixels; at least 0; default 0.1,2]"
std::string describe(const OptionHelp& help, const std::string& default_text);

// Throws Error(usage): "--k is '0': must be at least 1".
[[noreturn]] void fail_option(const std::string& name, const std::string& text,
                              const std::string& complaint);

// The value of option `name` in `text`; Error(usage) if help does not allow it.
template <class T>
T checked_value(const std::string& name, const std::string& text, const OptionHelp& help) {
  T value{};
  if (const char* expected = parse_value(text, value)) {
    fail_option(name, text, std::string("must be ") + expected);
  }
  std::string complaint;
  if constexpr (std::is_same_v<T, std::string>) {
    complaint = choice_complaint(help.allowed, value);
  } else {
    complaint = range_complaint(help.range, static_cast<double>(value));
  }
  if (!complaint.empty()) fail_option(name, text, complaint);
  return value;
}

// An option that sets `target`, whose value so far is the default; given twice, the last one
// counts.
template <class T>
CLI::Option* add_value(CLI::App& app, const std::string& name, T& target, const OptionHelp& help) {
  std::string default_text;
  if constexpr (std::is_same_v<T, std::string>) {
    default_text = target;
  } else {
    default_text = number_text(static_cast<double>(target));
  }
  const auto parse = [&target, name, help](const std::string& text) {
    target = checked_value<T>(name, text, help);
  };
  return app.add_option_function<std::string>(name, parse, describe(help, default_text))
      ->type_name(help.value)
      ->take_last();
}

// The same, with no default: not given, `target` stays empty.
template <class T>
CLI::Option* add_value(CLI::App& app, const std::string& name, std::optional<T>& target,
                       const OptionHelp& help) {
  const auto parse = [&target, name, help](const std::string& text) {
    target = checked_value<T>(name, text, help);
  };
  return app.add_option_function<std::string>(name, parse, describe(help, ""))
      ->type_name(help.value)
      ->take_last();
}

// An option that sets `target` to the names of a list with commas, each one of help.allowed.
CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                      const OptionHelp& help);

// Range, help and allowed values of a setting of a run.
OptionHelp help_of(const KnownSetting& known);

// --device and --threads, with the names, ranges and help of the settings of a run.
void add_device_options(CLI::App& app, std::string& device, int64_t& threads);

}  // namespace amcl
