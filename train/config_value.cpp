#include "train/config_value.h"

#include <charconv>
#include <cmath>
#include <type_traits>

#include "engine/core/check.h"
#include "train/nearest_name.h"

namespace amcl {
namespace {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
struct IsArray : std::false_type {};
template <size_t n>
struct IsArray<std::array<double, n>> : std::true_type {};

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

// "0.2,1" or "[0.2, 1.0]", by how one number is written.
template <size_t n, class Write>
std::string joined(const std::array<double, n>& values, const char* separator, const Write& write) {
  std::string text;
  for (const double value : values) {
    if (!text.empty()) text += separator;
    text += write(value);
  }
  return text;
}

template <class Number>
bool parse_number(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end && !text.empty();
}

bool parse_switch(const std::string& text, bool& value) {
  value = text == "true";
  return value || text == "false";
}

template <size_t n>
bool parse_numbers(const std::string& text, std::array<double, n>& values) {
  size_t begin = 0;
  for (size_t i = 0; i < n; ++i) {
    const size_t comma = i + 1 < n ? text.find(',', begin) : text.size();
    if (comma == std::string::npos) return false;
    if (!parse_number(text.substr(begin, comma - begin), values[i])) return false;
    begin = comma + 1;
  }
  return true;
}

// TOML files are UTF-8, so other bytes (of a path) could be written there but not read back.
bool is_utf8(const std::string& text) {
  size_t following = 0;  // bytes of the current character that are still to come
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if ((code & 0xc0) == 0x80) {
      if (following == 0) return false;
      --following;
    } else {
      if (following > 0 || code >= 0xf8) return false;
      following = code < 0x80 ? 0 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
    }
  }
  return following == 0;
}

// Sets `value` and returns null, or returns what the text should have been.
template <class T>
const char* parse(const std::string& text, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    value = text;
    return is_utf8(text) ? nullptr : "valid UTF-8";
  } else if constexpr (std::is_same_v<T, bool>) {
    return parse_switch(text, value) ? nullptr : "true or false";
  } else if constexpr (std::is_same_v<T, std::array<double, 2>>) {
    return parse_numbers(text, value) ? nullptr : "two numbers with a comma, such as 0.2,1";
  } else if constexpr (std::is_same_v<T, std::array<double, 4>>) {
    return parse_numbers(text, value) ? nullptr
                                      : "four numbers with commas, such as 0.4,0.4,0.4,0.1";
  } else if constexpr (std::is_same_v<T, double>) {
    return parse_number(text, value) ? nullptr : "a number";
  } else {
    int64_t integer = 0;  // also for the unsigned ones: TOML has no larger integers
    if (!parse_number(text, integer)) return "a whole number below 2^63";
    if (std::is_unsigned_v<T> && integer < 0) return "at least 0";
    value = static_cast<T>(integer);
    return nullptr;
  }
}

std::string number_complaint(const Setting& setting, double number) {
  if (!std::isfinite(number)) return "must be a finite number";
  if (number < setting.low || (setting.above_low && number == setting.low) ||
      number > setting.high) {
    const std::string low = (setting.above_low ? "above " : "at least ") + number_text(setting.low);
    const std::string high = "at most " + number_text(setting.high);
    if (std::isinf(setting.high)) return "must be " + low;
    if (std::isinf(setting.low)) return "must be " + high;
    return "must be " + low + " and " + high;
  }
  return {};
}

std::string choice_complaint(const Setting& setting, const std::string& text) {
  if (setting.allowed.empty()) return {};
  std::string list;
  for (const std::string& choice : setting.allowed) {
    if (choice == text) return {};
    if (!list.empty()) list += ", ";
    list += choice;
  }
  if (setting.allowed.size() == 1) return "can only be " + list;
  return "must be one of " + list + "; the nearest is " + nearest_name(text, setting.allowed);
}

}  // namespace

std::string number_text(double number) {
  char buffer[32];  // -2.2250738585072014e-308 has 24 characters
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  return std::string(buffer, end);
}

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
    } else if constexpr (IsArray<T>::value) {
      text = joined(value, ",", number_text);
    } else if constexpr (std::is_same_v<T, double>) {
      text = number_text(value);
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
    } else if constexpr (IsArray<T>::value) {
      text = '[' + joined(value, ", ", toml_number) + ']';
    } else {
      text = value_text(setting, config);
    }
  });
  return text;
}

void set_from_text(const Setting& setting, Config& config, const std::string& text,
                   const std::string& name) {
  std::visit(
      [&](auto* field) {
        const char* expected = nullptr;
        if constexpr (IsOptional<std::remove_cvref_t<decltype(*field)>>::value) {
          expected = parse(text, field->emplace());
        } else {
          expected = parse(text, *field);
        }
        if (expected != nullptr) {
          fail(ErrorKind::usage, name, " is '", text, "': must be ", expected);
        }
      },
      setting.field(config));
}

std::string range_complaint(const Setting& setting, const Config& config) {
  std::string complaint;
  visit_value(setting, config, [&](const auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      complaint = choice_complaint(setting, value);
    } else if constexpr (IsArray<T>::value) {
      for (const double number : value) {
        if (complaint.empty()) complaint = number_complaint(setting, number);
      }
    } else if constexpr (!std::is_same_v<T, bool>) {
      complaint = number_complaint(setting, static_cast<double>(value));
    }
  });
  return complaint;
}

}  // namespace amcl
