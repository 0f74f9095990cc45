#include "train/checkpoint/metadata_text.h"

namespace amcl {

std::string metadata_text(const std::array<float, 3>& values) {
  return metadata_text(values[0]) + ' ' + metadata_text(values[1]) + ' ' + metadata_text(values[2]);
}

const std::string& MetadataReader::text(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end())
    fail(ErrorKind::data, path_, " is no amcl checkpoint: its metadata lacks '", key, "'");
  return found->second;
}

std::array<float, 3> MetadataReader::three(const std::string& key, float low, float high) const {
  const std::string& value = text(key);
  std::array<float, 3> result{};
  const char* at = value.data();
  const char* const end = value.data() + value.size();
  for (float& number : result) {
    if (&number != result.data() && at != end && *at == ' ') ++at;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || !(number >= low) || !(number <= high)) complain(key);
    at = after;
  }
  if (at != end) complain(key);
  return result;
}

void MetadataReader::complain(const std::string& key) const {
  fail(ErrorKind::data, path_, " is no valid checkpoint: '", key, "' cannot be '", text(key), "'");
}

}  // namespace amcl
