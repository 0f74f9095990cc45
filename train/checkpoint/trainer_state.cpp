#include "train/checkpoint/trainer_state.h"

#include <array>
#include <charconv>
#include <string_view>
#include <system_error>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int64_t kFormatVersion = 1;
constexpr int64_t kMostThreads = 4096;

// The shortest text that reads back to the same value.
template <class Number>
std::string text_of(Number value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string text_of(const std::array<float, 3>& values) {
  return text_of(values[0]) + ' ' + text_of(values[1]) + ' ' + text_of(values[2]);
}

// Reads values of the metadata, complaining with path, key and value.
class MetadataReader {
 public:
  MetadataReader(const std::map<std::string, std::string>& metadata, const std::string& path)
      : metadata_(metadata), path_(path) {}

  const std::string& text(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end())
      fail(ErrorKind::data, path_, " is no amcl checkpoint: its metadata lacks '", key, "'");
    return found->second;
  }

  template <class Number>
  Number number(const std::string& key, Number low, Number high) const {
    const std::string& value = text(key);
    Number result{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size() || !(result >= low) ||
        !(result <= high))
      complain(key, value);
    return result;
  }

  std::array<float, 3> three(const std::string& key) const {
    const std::string& value = text(key);
    std::array<float, 3> result{};
    const char* at = value.data();
    const char* const end = value.data() + value.size();
    for (float& number : result) {
      if (&number != result.data() && at != end && *at == ' ') ++at;
      const auto [after, error] = std::from_chars(at, end, number);
      if (error != std::errc{}) complain(key, value);
      at = after;
    }
    if (at != end) complain(key, value);
    return result;
  }

 private:
  [[noreturn]] void complain(const std::string& key, const std::string& value) const {
    fail(ErrorKind::data, path_, " is no valid checkpoint: '", key, "' cannot be '", value, "'");
  }

  const std::map<std::string, std::string>& metadata_;
  const std::string& path_;
};

}  // namespace

std::map<std::string, std::string> to_metadata(const TrainerState& state) {
  return {{"format_version", text_of(kFormatVersion)},
          {"epoch", text_of(state.epoch)},
          {"step", text_of(state.step)},
          {"seed", text_of(state.seed)},
          {"threads", text_of(state.threads)},
          {"config", state.config},
          {"data_fingerprint", state.data_fingerprint},
          {"normalization_mean", text_of(state.normalization.mean)},
          {"normalization_deviation", text_of(state.normalization.deviation)},
          {"commit", state.commit}};
}

TrainerState trainer_state_from(const std::map<std::string, std::string>& metadata,
                                const std::string& path) {
  const MetadataReader reader(metadata, path);
  const auto version = reader.number<int64_t>("format_version", 1, INT64_MAX);
  if (version > kFormatVersion)
    fail(ErrorKind::data, path, " has checkpoint format ", version, ", this program reads up to ",
         kFormatVersion, "; use a newer amcl");
  return {.epoch = reader.number<int64_t>("epoch", 0, INT64_MAX),
          .step = reader.number<int64_t>("step", 0, INT64_MAX),
          .seed = reader.number<uint64_t>("seed", 0, UINT64_MAX),
          .threads = reader.number<int64_t>("threads", 1, kMostThreads),
          .config = reader.text("config"),
          .data_fingerprint = reader.text("data_fingerprint"),
          .normalization = {.mean = reader.three("normalization_mean"),
                            .deviation = reader.three("normalization_deviation")},
          .commit = reader.text("commit")};
}

}  // namespace amcl
