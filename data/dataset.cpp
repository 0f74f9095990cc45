#include "data/dataset.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "data/decode/encode_pnm.h"
#include "data/hash.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

std::string fingerprint_of_files(const ImageFiles& files) {
  constexpr int64_t kSampled = 64;
  Hash hash;
  for (int64_t index = 0; index < files.count(); ++index) {
    const std::string name = files.name(index);
    hash.add(name.c_str(), name.size() + 1);
  }
  std::vector<uint8_t> buffer;
  const int64_t step = std::max<int64_t>(1, files.count() / kSampled);
  for (int64_t index = 0; index < files.count(); index += step) {
    try {
      const ImageContent content = files.content(index, buffer);
      // Pixels as they are packed: a set and its packed form have one fingerprint.
      if (!content.is_file()) hash.add(pnm_header(content.extent));
      hash.add(content.bytes.data(), content.bytes.size());
    } catch (const Error&) {
      hash.add("unreadable");  // reported when the image is needed
    }
  }
  std::ostringstream text;
  text << files.count() << "x" << std::hex << std::setw(16) << std::setfill('0') << hash.value();
  return text.str();
}

}  // namespace

std::string Dataset::fingerprint() const {
  if (files) return fingerprint_of_files(*files);
  constexpr int64_t kSampled = 256;  // images, evenly spread
  Hash hash;
  const int64_t step = std::max<int64_t>(1, count() / kSampled);
  for (int64_t index = 0; index < count(); index += step) {
    const std::vector<uint8_t> image = images.slice(index, index + 1).to_host<uint8_t>();
    hash.add(image.data(), image.size());
  }
  hash.add(labels.data(), labels.size() * sizeof(labels[0]));
  std::ostringstream text;
  for (const int64_t extent : images.shape().extents()) text << extent << 'x';
  text << std::hex << std::setw(16) << std::setfill('0') << hash.value();
  return text.str();
}

const char* name_of(Split split) {
  static constexpr const char* kNames[] = {"training", "test", "unlabeled"};
  return kNames[static_cast<size_t>(split)];
}

std::string key_of(Split split) {
  return kSplitNames[static_cast<size_t>(split)];
}

int64_t Dataset::class_count() const {
  if (!labelled()) return 0;
  return std::max<int64_t>(std::ssize(class_names),
                           int64_t{1} + *std::max_element(labels.begin(), labels.end()));
}

std::string class_name(const std::vector<std::string>& names, int64_t label) {
  const auto index = static_cast<size_t>(label);
  return index < names.size() ? names[index] : std::to_string(label);
}

}  // namespace amcl
