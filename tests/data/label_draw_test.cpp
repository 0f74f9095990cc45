#include "data/sources/label_draw.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/core/check.h"

namespace amcl {
namespace {

// Class c has counts[c] labels, one class after the other in turn as long as there are some.
Dataset labelled(const std::vector<int64_t>& counts) {
  Dataset dataset;
  dataset.name = "labels";
  for (int64_t round = 0; round < *std::max_element(counts.begin(), counts.end()); ++round)
    for (size_t c = 0; c < counts.size(); ++c)
      if (round < counts[c]) dataset.labels.push_back(static_cast<int32_t>(c));
  return dataset;
}

std::vector<int64_t> all_of(const LabelDraw& draw) {
  std::vector<int64_t> all = draw.learned;
  all.insert(all.end(), draw.held_out.begin(), draw.held_out.end());
  std::sort(all.begin(), all.end());
  return all;
}

std::map<int32_t, int64_t> per_class(const Dataset& dataset, const std::vector<int64_t>& images) {
  std::map<int32_t, int64_t> counts;
  for (const int64_t image : images) ++counts[dataset.labels[static_cast<size_t>(image)]];
  return counts;
}

// The kind of the error and its message.
template <class Work>
std::pair<ErrorKind, std::string> error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  FAIL("no error");
  return {};
}

TEST_CASE("label draw: as many of each class, a tenth of each held out, none twice") {
  const Dataset dataset = labelled({300, 300, 300, 300});
  const LabelDraw draw = draw_labels(dataset, "10%", 1);
  const std::vector<int64_t> all = all_of(draw);
  CHECK(all.size() == 120);
  CHECK(std::set<int64_t>(all.begin(), all.end()).size() == 120);
  for (const auto& [label, count] : per_class(dataset, all)) CHECK(count == 30);
  for (const auto& [label, count] : per_class(dataset, draw.held_out)) CHECK(count == 3);
  CHECK(std::is_sorted(draw.learned.begin(), draw.learned.end()));
  // Not the first ones of each class.
  CHECK(all.back() > 600);

  CHECK(all_of(draw_labels(dataset, "10%", 1)) == all);
  CHECK(all_of(draw_labels(dataset, "10%", 2)) != all);
  const std::vector<int64_t> fewer = all_of(draw_labels(dataset, "60", 1));
  CHECK(fewer.size() == 60);
  CHECK(std::includes(all.begin(), all.end(), fewer.begin(), fewer.end()));
}

TEST_CASE("label draw: a class with few labels gives all it has, the others make up for it") {
  const Dataset dataset = labelled({100, 5, 100});
  const auto counts = per_class(dataset, all_of(draw_labels(dataset, "85", 3)));
  CHECK(counts.at(0) == 40);
  CHECK(counts.at(1) == 5);
  CHECK(counts.at(2) == 40);
  // What is over goes to some classes, one each.
  const auto uneven = per_class(dataset, all_of(draw_labels(dataset, "4", 3)));
  CHECK(uneven.at(0) + uneven.at(1) + uneven.at(2) == 4);
  for (const auto& [label, count] : uneven) CHECK((count == 1 || count == 2));
}

TEST_CASE("label draw: all are all; of one label in a class none is held out, of two one") {
  const Dataset dataset = labelled({2, 1, 40});
  const LabelDraw draw = draw_labels(dataset, "all", 1);
  CHECK(all_of(draw).size() == 43);
  const auto held_out = per_class(dataset, draw.held_out);
  CHECK(held_out.at(0) == 1);
  CHECK_FALSE(held_out.contains(1));
  CHECK(held_out.at(2) == 4);
}

TEST_CASE("label draw: refuses what cannot be") {
  const Dataset dataset = labelled({20, 20, 20});
  Dataset photos;
  photos.name = "photos";
  auto [kind, text] = error_of([&] { draw_labels(dataset, "61", 1); });
  CHECK(kind == ErrorKind::usage);
  CHECK(text.find("--labels is 61: labels has 60 labels") != std::string::npos);
  std::tie(kind, text) = error_of([&] { draw_labels(dataset, "2", 1); });
  CHECK(kind == ErrorKind::usage);
  CHECK(text.find("fewer than one for each of the 3 classes") != std::string::npos);
  std::tie(kind, text) = error_of([&] { draw_labels(dataset, "3%", 1); });
  CHECK(text.find("--labels is 3%, 2: fewer") != std::string::npos);
  std::tie(kind, text) = error_of([&] { draw_labels(labelled({9}), "all", 1); });
  CHECK(kind == ErrorKind::data);
  CHECK(text.find("of one class, '0'") != std::string::npos);
  std::tie(kind, text) = error_of([&] { draw_labels(photos, "all", 1); });
  CHECK(kind == ErrorKind::data);
  CHECK(text.find("photos: its images have no labels") != std::string::npos);

  for (const char* good : {"all", "1%", "0.5%", "100%", "10"})
    CHECK(labels_complaint(good).empty());
  for (const char* bad :
       {"", "none", "0", "0%", "101%", "-3", "1.5", "%", "1 %", "1e30", "nan", "nan%"})
    CHECK_MESSAGE(!labels_complaint(bad).empty(), bad);
}

}  // namespace
}  // namespace amcl
