// Values as the metadata of a file holds them: text, numbers in their shortest form.
#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <system_error>

#include "engine/core/check.h"

namespace amcl {

using Metadata = std::map<std::string, std::string>;

// The shortest text that reads back to the same value.
template <class Number>
std::string metadata_text(Number value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}
std::string metadata_text(const std::array<float, 3>& values);

// Reads values, complaining with path, key and value: Error(data).
class MetadataReader {
 public:
  MetadataReader(const Metadata& metadata, const std::string& path)
      : metadata_(metadata), path_(path) {}

  bool has(const std::string& key) const { return metadata_.contains(key); }
  const std::string& text(const std::string& key) const;
  // From `low` to `high`.
  template <class Number>
  Number number(const std::string& key, Number low, Number high) const {
    const std::string& value = text(key);
    Number result{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size() || !(result >= low) ||
        !(result <= high))
      complain(key);
    return result;
  }
  // Each from `low` to `high`.
  std::array<float, 3> three(const std::string& key, float low, float high) const;
  [[noreturn]] void complain(const std::string& key) const;

 private:
  const Metadata& metadata_;
  const std::string& path_;
};

}  // namespace amcl
