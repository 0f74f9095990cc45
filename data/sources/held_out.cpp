#include "data/sources/held_out.h"

#include "data/sources/select_images.h"
#include "engine/core/check.h"

namespace amcl {

void fail_empty_side(const std::string& source, Split split, double fraction) {
  fail(ErrorKind::missing, source, ": no ", name_of(split), " images are left by --val-fraction ",
       fraction, "; choose another share");
}

Dataset take_side(Dataset training, Split split, double fraction, int64_t limit) {
  std::vector<int64_t> indices;
  for (int64_t index = 0; index < training.count(); ++index) {
    if (!on_side_of(split, training.image_name(index), fraction)) continue;
    indices.push_back(index);
    if (limit > 0 && std::ssize(indices) == limit) break;
  }
  if (indices.empty()) fail_empty_side(training.name, split, fraction);
  select_images(training, std::move(indices));
  return training;
}

}  // namespace amcl
