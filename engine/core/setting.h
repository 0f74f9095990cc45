// How a struct of options names its fields, once and beside itself: it calls a SettingVisitor with each
// field and its description. Flags and their help, files, checks and comparisons are visitors.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/view_probability.h"

namespace amcl {

struct ValueRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;  // low itself is not allowed
};

// A field that is one of several names: an enumeration whose values count from 0 in the order of
// `names`, or a bool (false is the first name).
struct Choice {
  std::span<const char* const> names;
  std::function<size_t()> get;
  std::function<void(size_t)> set;

  template <class Field>
  Choice(Field& field, std::span<const char* const> field_names)
      : names(field_names),
        get([&field] { return static_cast<size_t>(field); }),
        set([&field](size_t index) { field = static_cast<Field>(index); }) {}
};

// What was decided when the struct was made, such as which of several rules it holds.
struct Decided {
  std::string text;
};

using SettingField =
    std::variant<Decided, Choice, bool*, int64_t*, uint64_t*, double*, std::string*,
                 ViewProbability*, std::array<double, 2>*, std::array<double, 4>*,
                 std::vector<double>*, std::optional<double>*, std::optional<ViewProbability>*,
                 std::optional<std::array<double, 3>>*>;

struct Setting {
  const char* table = "";  // of a file: "augment"
  const char* key = "";    // unique over all tables: "crop_scale"
  const char* value = "";  // stands for the value in the help: "A,B"; empty: a switch
  const char* unit = "";   // "pixels"; empty: none
  const char* help = "";
  std::vector<std::string> allowed = {};  // of a text; empty: any
  bool number_too = false;                // a text that may be a number
  ValueRange range = {};                  // of a number, or of each of several
  bool may_change = false;                // in a run that is resumed
  // What is wrong with a value that is in its range, beside the struct's other fields ("must
  // ascend"); empty if nothing.
  std::function<std::string()> complaint = {};
};

using SettingVisitor = std::function<void(const Setting&, const SettingField&)>;

}  // namespace amcl
