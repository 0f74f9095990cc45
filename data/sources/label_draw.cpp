#include "data/sources/label_draw.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace amcl {
namespace {

constexpr const char* kAll = "all";
constexpr int64_t kHeldOutShare = 10;  // one in so many

// Above 0, or 0 for text that is no such number.
double number_in(std::string_view text) {
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number > 0.0 ? number : 0.0;
}

bool is_share(const std::string& wanted) {
  return wanted.ends_with('%');
}

int64_t count_wanted(const std::string& wanted, int64_t labels) {
  if (wanted == kAll) return labels;
  if (!is_share(wanted)) return static_cast<int64_t>(number_in(wanted));
  const double share = number_in(std::string_view(wanted).substr(0, wanted.size() - 1)) / 100.0;
  return std::llround(share * static_cast<double>(labels));
}

using Classes = std::map<int32_t, std::vector<int64_t>>;  // images by label

// Each in the order in which it is drawn.
Classes images_of_classes(const Dataset& dataset, uint64_t seed) {
  Classes classes;
  for (int64_t image = 0; image < std::ssize(dataset.labels); ++image)
    classes[dataset.labels[static_cast<size_t>(image)]].push_back(image);
  for (auto& [label, images] : classes) {
    RandomStream random(seed, RandomPurpose::labels, 0, static_cast<uint64_t>(label), /*view=*/0);
    shuffle(std::span(images), random);
  }
  return classes;
}

// Of each class in turn the next image, as long as it has one.
Classes deal(const Classes& classes, int64_t wanted, uint64_t seed) {
  std::vector<int32_t> order;
  for (const auto& [label, images] : classes) order.push_back(label);
  RandomStream random(seed, RandomPurpose::labels, 0, 0, /*view=*/1);
  shuffle(std::span(order), random);
  Classes drawn;
  for (size_t round = 0; wanted > 0; ++round)
    for (const int32_t label : order) {
      const std::vector<int64_t>& images = classes.at(label);
      if (round >= images.size() || wanted == 0) continue;
      drawn[label].push_back(images[round]);
      --wanted;
    }
  return drawn;
}

}  // namespace

std::string labels_complaint(const std::string& wanted) {
  if (wanted == kAll) return {};
  if (is_share(wanted)) {
    const double percent = number_in(std::string_view(wanted).substr(0, wanted.size() - 1));
    return percent > 0.0 && percent <= 100.0 ? "" : "must be above 0% and at most 100%";
  }
  const double number = number_in(wanted);
  constexpr double kMost = 1e12;
  return number > 0.0 && number <= kMost && number == std::floor(number)
             ? ""
             : "must be all, a share such as 1%, or a number of labels";
}

LabelDraw draw_labels(const Dataset& dataset, const std::string& wanted, uint64_t seed) {
  if (!dataset.labelled())
    fail(ErrorKind::data, dataset.name,
         ": its images have no labels to learn from; give a folder for each class, or a list with "
         "labels");
  const Classes classes = images_of_classes(dataset, seed);
  const auto count = std::ssize(classes);
  if (count < 2)
    fail(ErrorKind::data, dataset.name, ": all labels are of one class, '",
         class_name(dataset.class_names, classes.begin()->first),
         "'; a classifier tells two or more apart");
  const int64_t asked = count_wanted(wanted, std::ssize(dataset.labels));
  if (asked > std::ssize(dataset.labels))
    fail(ErrorKind::usage, "--labels is ", wanted, ": ", dataset.name, " has ",
         std::ssize(dataset.labels), " labels");
  if (asked < count)
    fail(ErrorKind::usage, "--labels is ", wanted, is_share(wanted) ? concat_text(", ", asked) : "",
         ": fewer than one for each of the ", count, " classes of ", dataset.name, "; ask for ",
         2 * count, " or more");
  LabelDraw draw;
  for (const auto& [label, images] : deal(classes, asked, seed)) {
    const auto of_class = std::ssize(images);
    const int64_t held_out =
        of_class < 2 ? 0 : std::max<int64_t>(1, (of_class + kHeldOutShare / 2) / kHeldOutShare);
    draw.held_out.insert(draw.held_out.end(), images.begin(), images.begin() + held_out);
    draw.learned.insert(draw.learned.end(), images.begin() + held_out, images.end());
  }
  std::sort(draw.learned.begin(), draw.learned.end());
  std::sort(draw.held_out.begin(), draw.held_out.end());
  return draw;
}

}  // namespace amcl
