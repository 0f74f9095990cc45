#include "data/bad_images.h"

#include <utility>

namespace amcl {

void BadImages::add(int64_t index, const Error& error) {
  if (!skip_) fail(error.kind(), error.what(), "; --on-error skip goes on without such images");
  const std::lock_guard lock(mutex_);
  const bool is_new = images_.insert(index).second;
  const int64_t count = std::ssize(images_);
  if (count > limit_)
    fail(ErrorKind::data, count, " images cannot be read, more than --error-limit ", limit_,
         " allows; the last one: ", error.what());
  if (!is_new) return;
  messages_.push_back(concat_text("skipped (", count, " of at most ", limit_, "): ", error.what()));
}

bool BadImages::holds(int64_t index) const {
  if (!skip_) return false;
  const std::lock_guard lock(mutex_);
  return images_.contains(index);
}

int64_t BadImages::count() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(images_);
}

std::vector<std::string> BadImages::take_messages() {
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

}  // namespace amcl
