#include "train/config/nearest_name.h"

#include <algorithm>
#include <vector>

namespace amcl {

int64_t edit_distance(const std::string& a, const std::string& b) {
  const size_t columns = b.size() + 1;
  std::vector<int64_t> before(columns);  // row i - 2, for swaps
  std::vector<int64_t> above(columns);   // row i - 1
  std::vector<int64_t> row(columns);
  for (size_t j = 0; j < columns; ++j) row[j] = static_cast<int64_t>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j < columns; ++j) {
      const int64_t substitution = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row.back();
}

std::string nearest_name(const std::string& name, std::span<const std::string> candidates) {
  const auto nearest = std::min_element(
      candidates.begin(), candidates.end(), [&](const std::string& left, const std::string& right) {
        return edit_distance(name, left) < edit_distance(name, right);
      });
  return nearest == candidates.end() ? std::string() : *nearest;
}

}  // namespace amcl
