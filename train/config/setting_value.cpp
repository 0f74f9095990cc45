#include "train/config/setting_value.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <type_traits>

#include "engine/core/check.h"
#include "train/config/nearest_name.h"
#include "train/config/value_text.h"

namespace amcl {
namespace {

template <class... Works>
struct Overloaded : Works... {
  using Works::operator()...;
};
template <class... Works>
Overloaded(Works...) -> Overloaded<Works...>;

template <class T>
concept Optional = requires(T value) {
  value.has_value();
  value.emplace(*value);
};

template <class T>
concept Numbers = std::is_convertible_v<const T&, std::span<const double>>;

// Whole numbers but the seed: what is counted by two of them still fits 64 bits.
constexpr double kLargestCount = 1e12;

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

std::string text_of_value(const std::string& value) {
  return value;
}
std::string text_of_value(bool value) {
  return value ? "true" : "false";
}
std::string text_of_value(double value) {
  return number_text(value);
}
std::string text_of_value(const ViewProbability& value) {
  return probability_text(value);
}
std::string text_of_value(int64_t value) {
  return std::to_string(value);
}
std::string text_of_value(uint64_t value) {
  return std::to_string(value);
}
template <Numbers T>
std::string text_of_value(const T& values) {
  return numbers_text(values.data(), values.size());
}

std::string toml_of_value(const std::string& value) {
  return toml_quoted(value);
}
std::string toml_of_value(double value) {
  return toml_number(value);
}
std::string toml_of_value(const ViewProbability& value) {
  return value.of[0] == value.of[1] ? toml_number(value.of[0]) : toml_list(value.of);
}
template <Numbers T>
std::string toml_of_value(const T& values) {
  return toml_list(values);
}
template <class T>
std::string toml_of_value(const T& value) {
  return text_of_value(value);
}

// write(value) of what the field holds; names stand for choices. Empty where it is left to others.
template <class Write>
std::string written(const SettingField& field, const Write& write) {
  return std::visit(Overloaded{[&](const Decided& decided) { return write(decided.text); },
                               [&](const Choice& choice) {
                                 return write(std::string(choice.names[choice.get()]));
                               },
                               [&]<class T>(const T* value) {
                                 if constexpr (Optional<T>)
                                   return value->has_value() ? write(**value) : std::string();
                                 else
                                   return write(*value);
                               }},
                    field);
}

std::string first_range_complaint(const ValueRange& range, std::span<const double> values) {
  for (const double value : values)
    if (std::string complaint = range_complaint(range, value); !complaint.empty()) return complaint;
  return {};
}

std::string complaint_of_value(const Setting& setting, const std::string& value) {
  return choice_complaint(setting.allowed, value);
}
std::string complaint_of_value(const Setting&, bool) {
  return {};
}
std::string complaint_of_value(const Setting& setting, double value) {
  return range_complaint(setting.range, value);
}
std::string complaint_of_value(const Setting& setting, const ViewProbability& value) {
  return first_range_complaint(setting.range, value.of);
}
std::string complaint_of_value(const Setting&, uint64_t value) {
  return value > uint64_t{INT64_MAX} ? "must be below 2^63, as all integers of TOML" : "";
}
std::string complaint_of_value(const Setting& setting, int64_t value) {
  const auto number = static_cast<double>(value);
  std::string complaint = range_complaint(setting.range, number);
  return complaint.empty() ? range_complaint({.high = kLargestCount}, number) : complaint;
}
template <Numbers T>
std::string complaint_of_value(const Setting& setting, const T& values) {
  return first_range_complaint(setting.range, values);
}

template <class T>
const char* parse_optional(const std::string& text, std::optional<T>& value) {
  return parse_value(text, value.emplace(T{}));
}
const char* parse_optional(const std::string& text, std::optional<ViewProbability>& value) {
  return parse_value(text, value.emplace(0.0));
}

}  // namespace

std::string text_of(const SettingField& field) {
  return written(field, [](const auto& value) { return text_of_value(value); });
}

std::string toml_of(const SettingField& field) {
  return written(field, [](const auto& value) { return toml_of_value(value); });
}

bool is_text(const SettingField& field) {
  return std::holds_alternative<Decided>(field) || std::holds_alternative<Choice>(field) ||
         std::holds_alternative<std::string*>(field);
}

std::vector<std::string> allowed_names(const Setting& setting, const SettingField& field) {
  if (const auto* choice = std::get_if<Choice>(&field))
    return {choice->names.begin(), choice->names.end()};
  return setting.allowed;
}

void set_from_text(const SettingField& field, const std::string& text, const std::string& name) {
  const char* expected =
      std::visit(Overloaded{[](const Decided&) -> const char* { return nullptr; },
                            [&](const Choice& choice) -> const char* {
                              const auto names = choice.names;
                              const auto found = std::find(names.begin(), names.end(), text);
                              if (found == names.end())
                                fail(ErrorKind::usage, name, " is ", text, ": ",
                                     choice_complaint({names.begin(), names.end()}, text));
                              choice.set(static_cast<size_t>(found - names.begin()));
                              return nullptr;
                            },
                            [&]<class T>(T* value) -> const char* {
                              if constexpr (Optional<T>)
                                return parse_optional(text, *value);
                              else
                                return parse_value(text, *value);
                            }},
                 field);
  if (expected != nullptr) fail(ErrorKind::usage, name, " is '", text, "': must be ", expected);
}

std::string complaint_of(const Setting& setting, const SettingField& field) {
  std::string complaint = std::visit(
      Overloaded{
          [](const Decided&) { return std::string(); }, [](const Choice&) { return std::string(); },
          [&]<class T>(const T* value) {
            if constexpr (Optional<T>)
              return value->has_value() ? complaint_of_value(setting, **value) : std::string();
            else
              return complaint_of_value(setting, *value);
          }},
      field);
  return complaint.empty() && setting.complaint ? setting.complaint() : complaint;
}

std::vector<SettingValue> values_of(const Config& config) {
  std::vector<SettingValue> values;
  Config copy = config;
  visit_settings(copy, [&](const Setting& setting, const SettingField& field) {
    values.push_back({.setting = setting,
                      .text = text_of(field),
                      .toml = toml_of(field),
                      .is_text = is_text(field),
                      .is_decided = std::holds_alternative<Decided>(field),
                      .allowed = allowed_names(setting, field)});
    values.back().setting.complaint = nullptr;  // it refers to the copy
  });
  // A struct may name fields of several tables.
  std::stable_sort(values.begin(), values.end(), [](const auto& left, const auto& right) {
    return table_index(left.setting) < table_index(right.setting);
  });
  return values;
}

std::optional<std::string> value_of(const Config& config, const std::string& key) {
  for (const SettingValue& value : values_of(config))
    if (key == value.setting.key && value.has_value()) return value.text;
  return {};
}

std::vector<SettingDifference> differences_of(const Config& left, const Config& right) {
  std::vector<SettingDifference> differences;
  const std::vector<SettingValue> others = values_of(left);
  std::vector<SettingValue> values = values_of(right);
  const auto find = [](const std::vector<SettingValue>& list, const char* key) {
    return std::find_if(list.begin(), list.end(), [&](const SettingValue& one) {
      return std::string_view(one.setting.key) == key;
    });
  };
  for (const SettingValue& value : values) {
    const auto other = find(others, value.setting.key);
    const std::string before = other == others.end() ? "" : other->toml;
    if (before != value.toml)
      differences.push_back({value.setting, before, value.toml, value.text});
  }
  for (const SettingValue& other : others)
    if (find(values, other.setting.key) == values.end() && other.has_value())
      differences.push_back({other.setting, other.toml, {}, {}});
  return differences;
}

void set_value(Config& config, const std::string& key, const std::string& text) {
  bool found = false;
  visit_settings(config, [&](const Setting& setting, const SettingField& field) {
    if (key != setting.key) return;
    set_from_text(field, text, key);
    found = true;
  });
  AMCL_CHECK(found, key, ": has no effect on this run");
}

}  // namespace amcl
