// Values as text, both ways, and what may be wrong with them: for flags, environment variables and
// files alike.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/core/setting.h"

namespace amcl {

// With the fewest digits that read back to the same bits.
std::string number_text(double number);
// "0.2,1"
std::string numbers_text(const double* numbers, size_t count);
// "0.5", or "1,0.1" where the views differ
std::string probability_text(const ViewProbability& probability);

// Sets `value` and returns null, or returns what the text should have been ("a whole number"). A
// text must be UTF-8, because the TOML file that stores it could not be read back otherwise; whole
// numbers end at 2^63 - 1, as in TOML.
const char* parse_value(const std::string& text, std::string& value);
const char* parse_value(const std::string& text, bool& value);
const char* parse_value(const std::string& text, int64_t& value);
const char* parse_value(const std::string& text, uint64_t& value);
const char* parse_value(const std::string& text, double& value);
const char* parse_value(const std::string& text, ViewProbability& probability);
const char* parse_value(const std::string& text, std::array<double, 2>& values);
const char* parse_value(const std::string& text, std::array<double, 3>& values);
const char* parse_value(const std::string& text, std::array<double, 4>& values);
const char* parse_value(const std::string& text, std::vector<double>& values);

// "must be at least 2", "must be a finite number"; empty if the number is in the range.
std::string range_complaint(const ValueRange& range, double number);
// Whether `text` is one of `choices`. A choice that ends in ":N" stands for every whole number there.
bool is_choice(const std::vector<std::string>& choices, const std::string& text);
// "must be one of a, b; the nearest is a"; empty if `text` is a choice of `allowed` or that is empty.
std::string choice_complaint(const std::vector<std::string>& allowed, const std::string& text);

// "at least 2", "above 0, at most 1", "from 0 to 1"; empty if there is no bound.
std::string range_text(const ValueRange& range);
// "a, b, c"
std::string list_text(const std::vector<std::string>& names);

}  // namespace amcl
