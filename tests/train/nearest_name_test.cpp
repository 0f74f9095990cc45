#include "train/config/nearest_name.h"

#include <doctest/doctest.h>

#include <vector>

namespace amcl {
namespace {

TEST_CASE("nearest_name: distance counts insertions, deletions, substitutions and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("batch", "batch") == 0);
  CHECK(edit_distance("bathc", "batch") == 1);   // a swap
  CHECK(edit_distance("btch", "batch") == 1);    // an insertion
  CHECK(edit_distance("baatch", "batch") == 1);  // a deletion
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("nearest_name: the closest candidate, the first of several") {
  const std::vector<std::string> names = {"epochs", "batch", "seed"};
  CHECK(nearest_name("epoch", names) == "epochs");
  CHECK(nearest_name("sede", names) == "seed");
  CHECK(nearest_name("xxxxx", std::vector<std::string>{"aaaaa", "bbbbb"}) == "aaaaa");
  CHECK(nearest_name("anything", std::vector<std::string>{}).empty());
}

}  // namespace
}  // namespace amcl
