#include "train/commands/data_report.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "engine/core/check.h"
#include "train/printable.h"

namespace amcl {
namespace {

// Classes whose images are counted one by one for people.
constexpr size_t kClassesShown = 20;

std::string class_name(const DatasetSummary& summary, int32_t label) {
  const auto index = static_cast<size_t>(label);
  return index < summary.class_names.size() ? summary.class_names[index] : std::to_string(label);
}

nlohmann::ordered_json record_of_part(const DatasetSummary& summary, const PartSummary& part) {
  nlohmann::ordered_json record;
  record["part"] = key_of(part.split);
  record["images"] = part.images;
  record["sizes_of"] = part.extents.images;
  record["height"] = {part.extents.least.height, part.extents.most.height};
  record["width"] = {part.extents.least.width, part.extents.most.width};
  record["labels"] = nullptr;
  for (const auto& [label, images] : part.labels)
    record["labels"][class_name(summary, label)] = images;
  record["view"] = {part.view.height, part.view.width};
  record["mean"] = part.normalization.mean;
  record["deviation"] = part.normalization.deviation;
  record["passed_over"] = part.passed_over.text();
  record["warnings"] = part.warnings;
  return record;
}

std::string range_text(int64_t least, int64_t most) {
  if (least == most) return std::to_string(least);
  return std::to_string(least) + " to " + std::to_string(most);
}

std::string extents_text(const PartSummary& part) {
  const ExtentRange& range = part.extents;
  if (range.images == 0) return "no image can be read";
  std::ostringstream text;
  text << "height " << range_text(range.least.height, range.most.height) << ", width "
       << range_text(range.least.width, range.most.width);
  if (range.images < part.images)
    text << " (of the " << range.images << " looked at; data verify looks at all)";
  return text.str();
}

// Classes without an image in this part are counted where the set names them.
std::string classes_text(const DatasetSummary& summary, const PartSummary& part) {
  const size_t all = summary.class_names.size();
  std::string text = concat_text(part.labels.size());
  if (part.labels.size() < all) text += concat_text(" of the ", all);
  return text + (std::max(all, part.labels.size()) == 1 ? " class" : " classes");
}

std::string labels_text(const DatasetSummary& summary, const PartSummary& part) {
  if (part.labels.empty()) return "none";
  std::ostringstream text;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [least, most] = std::minmax_element(part.labels.begin(), part.labels.end(), fewer);
  if (part.labels.size() > kClassesShown || least->second == most->second) {
    text << classes_text(summary, part) << ", each with " << range_text(least->second, most->second)
         << " images";
    return text.str();
  }
  text << classes_text(summary, part);
  const char* comma = ": ";
  for (const auto& [label, images] : part.labels) {
    text << comma << printable(class_name(summary, label)) << ' ' << images;
    comma = ", ";
  }
  return text.str();
}

std::string three_digits(const std::array<float, 3>& values) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << values[0] << ' ' << values[1] << ' ' << values[2];
  return text.str();
}

}  // namespace

nlohmann::ordered_json record_of(const DatasetSummary& summary) {
  nlohmann::ordered_json record;
  record["name"] = summary.name;
  record["layout"] = summary.layout;
  record["classes"] = summary.class_names;
  record["parts"] = nlohmann::ordered_json::array();
  for (const PartSummary& part : summary.parts)
    record["parts"].push_back(record_of_part(summary, part));
  return record;
}

void print_summary(std::ostream& out, const std::string& source, const DatasetSummary& summary) {
  out << printable(source) << "\n  set         " << printable(summary.name) << " ("
      << printable(summary.layout) << ")\n";
  for (const PartSummary& part : summary.parts) {
    std::string name = name_of(part.split);
    name.resize(10, ' ');
    out << "  " << name << "  " << part.images << " images, " << extents_text(part)
        << "\n    labels    " << labels_text(summary, part) << "\n    views     "
        << part.view.height << " x " << part.view.width << " unless --size says otherwise" << '\n';
    // Test images are seen with the mean of the training images.
    if (part.split != Split::test || summary.parts.size() == 1)
      out << "    mean      " << three_digits(part.normalization.mean) << ", deviation "
          << three_digits(part.normalization.deviation)
          << " unless --mean and --deviation say otherwise\n";
    if (const std::string others = part.passed_over.text(); !others.empty())
      out << "    " << printable(others) << '\n';
    for (const std::string& warning : part.warnings)
      out << "    warning   " << printable(warning) << '\n';
  }
}

void print_record(std::ostream& out, const nlohmann::ordered_json& record) {
  out << json_text(record, 2) << '\n';
}

}  // namespace amcl
