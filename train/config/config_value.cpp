#include "train/config/config_value.h"

#include <span>
#include <type_traits>

#include "engine/core/check.h"

namespace amcl {
namespace {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
struct IsList : std::false_type {};
template <size_t n>
struct IsList<std::array<double, n>> : std::true_type {};
template <>
struct IsList<std::vector<double>> : std::true_type {};

// Calls visitor(value) with the field's value, unless it is an optional one that is empty. The
// schema's accessors are for reading and writing, hence the cast; no visitor here writes.
template <class Visitor>
void visit_value(const Setting& setting, const Config& config, const Visitor& visitor) {
  std::visit(
      [&](const auto* field) {
        if constexpr (IsOptional<std::remove_cvref_t<decltype(*field)>>::value) {
          if (field->has_value()) visitor(**field);
        } else {
          visitor(*field);
        }
      },
      setting.field(const_cast<Config&>(config)));
}

std::string toml_number(double number) {
  const std::string text = number_text(number);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string toml_quoted(const std::string& text) {
  static const char* digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      quoted += '\\';
      quoted += character;
    } else if (code < 0x20 || code == 0x7f) {
      quoted += "\\u00";
      quoted += digits[code >> 4];
      quoted += digits[code & 15];
    } else {
      quoted += character;
    }
  }
  return quoted + '"';
}

std::string toml_list(std::span<const double> values) {
  std::string text;
  for (const double value : values) {
    text += text.empty() ? "[" : ", ";
    text += toml_number(value);
  }
  return text + ']';
}

// Whole numbers but the seed: what is counted by two of them still fits 64 bits.
constexpr double kLargestCount = 1e12;

std::string first_range_complaint(const ValueRange& range, std::span<const double> values) {
  for (const double value : values) {
    if (std::string complaint = range_complaint(range, value); !complaint.empty()) return complaint;
  }
  return {};
}

}  // namespace

bool has_value(const Setting& setting, const Config& config) {
  bool found = false;
  visit_value(setting, config, [&](const auto&) { found = true; });
  return found;
}

std::string value_text(const Setting& setting, const Config& config) {
  std::string text;
  visit_value(setting, config, [&](const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      text = value;
    } else if constexpr (std::is_same_v<T, bool>) {
      text = value ? "true" : "false";
    } else if constexpr (std::is_same_v<T, double>) {
      text = number_text(value);
    } else if constexpr (std::is_same_v<T, ViewProbability>) {
      text = probability_text(value);
    } else if constexpr (IsList<T>::value) {
      text = numbers_text(value.data(), value.size());
    } else {
      text = std::to_string(value);
    }
  });
  return text;
}

std::string value_toml(const Setting& setting, const Config& config) {
  std::string text;
  visit_value(setting, config, [&](const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      text = toml_quoted(value);
    } else if constexpr (std::is_same_v<T, double>) {
      text = toml_number(value);
    } else if constexpr (std::is_same_v<T, ViewProbability>) {
      text = value.of[0] == value.of[1] ? toml_number(value.of[0]) : toml_list(value.of);
    } else if constexpr (IsList<T>::value) {
      text = toml_list(value);
    } else {
      text = value_text(setting, config);
    }
  });
  return text;
}

void clear_value(const Setting& setting, Config& config) {
  std::visit(
      []([[maybe_unused]] auto* field) {
        if constexpr (IsOptional<std::remove_cvref_t<decltype(*field)>>::value) field->reset();
      },
      setting.field(config));
}

bool has_effect(const Setting& setting, const Config& config) {
  const OnlyWith& only = setting.only_with;
  if (only.key.empty()) return true;
  const std::string chosen = value_text(*find_setting(only.key), config);
  return is_choice(only.values, chosen);
}

void set_from_text(const Setting& setting, Config& config, const std::string& text,
                   const std::string& name) {
  const char* expected = std::visit(
      [&](auto* field) {
        using Field = std::remove_cvref_t<decltype(*field)>;
        if constexpr (std::is_same_v<Field, std::optional<ViewProbability>>) {
          return parse_value(text, field->emplace(0.0));
        } else if constexpr (IsOptional<Field>::value) {
          return parse_value(text, field->emplace());
        } else {
          return parse_value(text, *field);
        }
      },
      setting.field(config));
  if (expected != nullptr) {
    fail(ErrorKind::usage, name, " is '", text, "': must be ", expected);
  }
}

std::string value_complaint(const Setting& setting, const Config& config) {
  std::string complaint;
  visit_value(setting, config, [&](const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      complaint = choice_complaint(setting.allowed, value);
    } else if constexpr (std::is_same_v<T, ViewProbability>) {
      complaint = first_range_complaint(setting.range, value.of);
    } else if constexpr (IsList<T>::value) {
      complaint = first_range_complaint(setting.range, value);
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      if (value > uint64_t{INT64_MAX}) complaint = "must be below 2^63, as all integers of TOML";
    } else if constexpr (!std::is_same_v<T, bool>) {
      complaint = range_complaint(setting.range, static_cast<double>(value));
      if constexpr (std::is_same_v<T, int64_t>)
        if (complaint.empty())
          complaint = range_complaint({.high = kLargestCount}, static_cast<double>(value));
    }
  });
  return complaint;
}

}  // namespace amcl
