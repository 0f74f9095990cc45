#include "train/config/value_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "train/config/nearest_name.h"

namespace amcl {
namespace {

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

template <class Number>
bool parse_number(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end;
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

}  // namespace

std::string number_text(double number) {
  char buffer[32];  // -2.2250738585072014e-308 has 24 characters
  char* const limit = buffer + sizeof(buffer);
  // The shortest form alone would write 0.0005 as 5e-04.
  const double size = std::abs(number);
  const auto result = size >= 1e-4 && size < 1e15
                          ? std::to_chars(buffer, limit, number, std::chars_format::fixed)
                          : std::to_chars(buffer, limit, number);
  return std::string(buffer, result.ptr);
}

std::string numbers_text(const double* numbers, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += number_text(numbers[i]);
  }
  return text;
}

std::string probability_text(const ViewProbability& probability) {
  const auto& [first, second] = probability.of;
  return first == second ? number_text(first) : numbers_text(probability.of.data(), 2);
}

const char* parse_value(const std::string& text, std::string& value) {
  value = text;
  return is_utf8(text) ? nullptr : "valid UTF-8";
}

const char* parse_value(const std::string& text, bool& value) {
  value = text == "true";
  return value || text == "false" ? nullptr : "true or false";
}

const char* parse_value(const std::string& text, int64_t& value) {
  return parse_number(text, value) ? nullptr : "a whole number";
}

const char* parse_value(const std::string& text, uint64_t& value) {
  int64_t number = 0;
  if (!parse_number(text, number) || number < 0) return "a whole number from 0 to 2^63 - 1";
  value = static_cast<uint64_t>(number);
  return nullptr;
}

const char* parse_value(const std::string& text, double& value) {
  return parse_number(text, value) ? nullptr : "a number";
}

const char* parse_value(const std::string& text, ViewProbability& probability) {
  double both = 0.0;
  if (parse_number(text, both)) {
    probability = both;
    return nullptr;
  }
  return parse_numbers(text, probability.of) ? nullptr
                                             : "one number, or one for each view, such as 1,0.1";
}

const char* parse_value(const std::string& text, std::array<double, 2>& values) {
  return parse_numbers(text, values) ? nullptr : "two numbers with a comma, such as 0.2,1";
}

const char* parse_value(const std::string& text, std::array<double, 3>& values) {
  return parse_numbers(text, values) ? nullptr
                                     : "three numbers with commas, such as 0.485,0.456,0.406";
}

const char* parse_value(const std::string& text, std::array<double, 4>& values) {
  return parse_numbers(text, values) ? nullptr
                                     : "four numbers with commas, such as 0.4,0.4,0.4,0.1";
}

const char* parse_value(const std::string& text, std::vector<double>& values) {
  values.clear();
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    if (!parse_number(text.substr(begin, comma - begin), values.emplace_back()))
      return "numbers with commas, such as 60,80";
    begin = comma + 1;
  }
  return nullptr;
}

std::string range_text(const ValueRange& range) {
  const std::string low = number_text(range.low);
  const std::string high = number_text(range.high);
  if (std::isinf(range.low)) return std::isinf(range.high) ? "" : "at most " + high;
  if (std::isinf(range.high)) return (range.above_low ? "above " : "at least ") + low;
  return range.above_low ? "above " + low + ", at most " + high : "from " + low + " to " + high;
}

std::string range_complaint(const ValueRange& range, double number) {
  if (!std::isfinite(number)) return "must be a finite number";
  const bool low = range.above_low ? number > range.low : number >= range.low;
  if (low && number <= range.high) return {};
  return "must be " + range_text(range);
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

bool is_choice(const std::vector<std::string>& choices, const std::string& text) {
  return std::any_of(choices.begin(), choices.end(), [&](const std::string& choice) {
    if (!choice.ends_with(":N")) return choice == text;
    const size_t digits = choice.size() - 1;
    const size_t count = text.size() - std::min(text.size(), digits);
    return count > 0 && count <= std::numeric_limits<int>::digits10 &&
           text.starts_with(choice.substr(0, digits)) &&
           text.find_first_not_of("0123456789", digits) == std::string::npos;
  });
}

std::string choice_complaint(const std::vector<std::string>& allowed, const std::string& text) {
  if (allowed.empty() || is_choice(allowed, text)) return {};
  if (allowed.size() == 1) return "can only be " + allowed.front();
  return "must be one of " + list_text(allowed) + "; the nearest is " + nearest_name(text, allowed);
}

}  // namespace amcl
