#include "engine/io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <tuple>

#include "engine/core/check.h"
#include "engine/io/atomic_file.h"
#include "engine/io/crc32c.h"
#include "engine/io/file.h"
#include "engine/io/safetensors_header.h"

namespace amcl {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr std::string_view kCrcKey = "crc32c";
constexpr std::string_view kCrcZeros = "00000000";
constexpr std::string_view kJsonSpace = " \t\r\n";

std::string hexadecimal(uint32_t value) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  const std::string text(digits.data(), end);
  return std::string(kCrcZeros.size() - text.size(), '0') + text;
}

// Where the eight digits of the CRC stand in the header's text; npos if they do not. Inside another
// string the quotes would be escaped, so that a quoted key before a colon and a string is it.
size_t find_crc_digits(std::string_view json) {
  const std::string key = concat_text('"', kCrcKey, '"');
  for (size_t at = json.find(key); at != std::string_view::npos; at = json.find(key, at + 1)) {
    const size_t colon = json.find_first_not_of(kJsonSpace, at + key.size());
    if (colon == std::string_view::npos || json[colon] != ':') continue;
    const size_t quote = json.find_first_not_of(kJsonSpace, colon + 1);
    if (quote != std::string_view::npos && json[quote] == '"') return quote + 1;
  }
  return std::string_view::npos;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct OpenedFile {
  File file;  // positioned at the data
  std::string json;
  SafetensorsHeader header;
};

OpenedFile open_safetensors(const std::string& path) {
  File file = File::open_for_reading(path);
  const int64_t size = file.size();
  uint64_t length = 0;
  constexpr auto kLengthBytes = static_cast<int64_t>(sizeof length);
  if (size < kLengthBytes)
    fail(ErrorKind::data, path, " is truncated or not safetensors: it has only ", size, " bytes");
  file.read(std::as_writable_bytes(std::span(&length, 1)));
  if (length > static_cast<uint64_t>(kMaxSafetensorsHeader))
    fail(ErrorKind::data, path, " is damaged or not safetensors: a header of ", length,
         " bytes is above the limit of ", kMaxSafetensorsHeader);
  const auto header_bytes = static_cast<int64_t>(length);
  if (header_bytes > size - kLengthBytes)
    fail(ErrorKind::data, path, " is truncated: its header should have ", header_bytes,
         " bytes, the file has ", size);
  std::string json(length, ' ');
  file.read(std::as_writable_bytes(std::span(json)));
  SafetensorsHeader header =
      parse_safetensors_header(json, size - kLengthBytes - header_bytes, path);
  return {std::move(file), std::move(json), std::move(header)};
}

// Names the file's order of data: by size of the elements, largest first, then by name, so that
// every tensor begins at a multiple of its element size.
SafetensorsHeader layout(const SafetensorsFile& file) {
  SafetensorsHeader header{.metadata = file.metadata, .tensors = {}};
  for (const auto& [name, entry] : file.tensors)
    header.tensors.push_back({.name = name, .dtype = entry.dtype, .shape = entry.shape});
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    const int64_t size_a = safetensors_element_size(a.dtype);
    const int64_t size_b = safetensors_element_size(b.dtype);
    return std::tie(size_b, a.name) < std::tie(size_a, b.name);
  });
  int64_t offset = 0;
  for (SafetensorsHeader::Tensor& tensor : header.tensors) {
    const SafetensorsEntry& entry = file.tensors.at(tensor.name);
    const auto bytes = static_cast<int64_t>(entry.data.size());
    AMCL_CHECK(safetensors_element_size(tensor.dtype) * entry.count() == bytes && bytes >= 0,
               "safetensors: ", tensor.name, " of ", entry.count(), " ", tensor.dtype, " holds ",
               bytes, " bytes");
    tensor.begin = offset;
    offset += bytes;
    tensor.end = offset;
  }
  return header;
}

}  // namespace

SafetensorsFile read_safetensors(const std::string& path) {
  OpenedFile opened = open_safetensors(path);
  SafetensorsFile result{.metadata = std::move(opened.header.metadata), .tensors = {}};
  uint32_t crc = 0;
  const auto stored = result.metadata.find(std::string(kCrcKey));
  if (stored != result.metadata.end()) {
    const size_t digits = find_crc_digits(opened.json);
    if (digits == std::string::npos || stored->second.size() != kCrcZeros.size())
      fail(ErrorKind::data, path, " is damaged: its crc32c is not eight hexadecimal digits");
    opened.json.replace(digits, kCrcZeros.size(), kCrcZeros);
    crc = crc32c(bytes_of(opened.json));
  }
  for (SafetensorsHeader::Tensor& tensor : opened.header.tensors) {
    SafetensorsEntry entry{
        .dtype = std::move(tensor.dtype),
        .shape = std::move(tensor.shape),
        .data = std::vector<std::byte>(static_cast<size_t>(tensor.end - tensor.begin))};
    opened.file.read(entry.data);
    if (stored != result.metadata.end()) crc = crc32c(entry.data, crc);
    result.tensors.emplace(std::move(tensor.name), std::move(entry));
  }
  if (stored != result.metadata.end() && stored->second != hexadecimal(crc))
    fail(ErrorKind::data, path, " is damaged: its CRC-32C is ", hexadecimal(crc), ", it says ",
         stored->second, "; use an older checkpoint or write the file again");
  return result;
}

std::map<std::string, std::string> read_safetensors_metadata(const std::string& path) {
  return open_safetensors(path).header.metadata;
}

void write_safetensors(const std::string& path, const SafetensorsFile& file, bool with_crc) {
  SafetensorsHeader header = layout(file);
  header.metadata["format"] = "pt";
  header.metadata.erase(std::string(kCrcKey));
  if (with_crc) header.metadata[std::string(kCrcKey)] = kCrcZeros;
  std::string json = format_safetensors_header(header);
  AMCL_CHECK(static_cast<int64_t>(json.size()) <= kMaxSafetensorsHeader,
             "safetensors: a header of ", json.size(), " bytes is above the limit of ",
             kMaxSafetensorsHeader);
  if (with_crc) {
    uint32_t crc = crc32c(bytes_of(json));
    for (const SafetensorsHeader::Tensor& tensor : header.tensors)
      crc = crc32c(file.tensors.at(tensor.name).data, crc);
    json.replace(find_crc_digits(json), kCrcZeros.size(), hexadecimal(crc));
  }
  AtomicFile output(path);
  const uint64_t length = json.size();
  output.write(std::as_bytes(std::span(&length, 1)));
  output.write(bytes_of(json));
  for (const SafetensorsHeader::Tensor& tensor : header.tensors)
    output.write(file.tensors.at(tensor.name).data);
  output.commit();
}

}  // namespace amcl
