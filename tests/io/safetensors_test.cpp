#include "engine/io/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>

#include "engine/core/check.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

using test::read_text;
using test::write_text;

SafetensorsFile small_file() {
  SafetensorsFile file;
  file.metadata["note"] = "line one\nquote \" backslash \\ \xc3\xa9";
  file.tensors["scalar"] = SafetensorsEntry::from<int64_t>({}, {-7});
  file.tensors["none"] = SafetensorsEntry::from<float>({0, 3}, {});
  file.tensors["bytes"] = SafetensorsEntry::from<uint8_t>({3}, {1, 2, 255});
  file.tensors["matrix"] = SafetensorsEntry::from<float>({2, 2}, {1.5F, -2, 0.25F, 3e30F});
  file.tensors["double"] = SafetensorsEntry::from<double>({1}, {1e-300});
  file.tensors["integers"] = SafetensorsEntry::from<int32_t>({2}, {1, -1});
  return file;
}

std::string message_of_reading(const std::string& path) {
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    return error.kind() == ErrorKind::data ? error.what() : "another kind of error";
  }
  return {};
}

uint64_t header_length(const std::string& content) {
  uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof length);
  return length;
}

TEST_CASE("safetensors: what is written is read back, with and without a CRC") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  for (const bool with_crc : {false, true}) {
    const SafetensorsFile written = small_file();
    write_safetensors(path, written, with_crc);
    const SafetensorsFile read = read_safetensors(path);
    CHECK(read.metadata.at("note") == written.metadata.at("note"));
    CHECK(read.metadata.at("format") == "pt");
    CHECK(read.metadata.contains("crc32c") == with_crc);
    CHECK(read_safetensors_metadata(path) == read.metadata);
    REQUIRE(read.tensors.size() == written.tensors.size());
    for (const auto& [name, entry] : written.tensors) {
      CHECK(read.tensors.at(name).dtype == entry.dtype);
      CHECK(read.tensors.at(name).shape == entry.shape);
      CHECK(read.tensors.at(name).data == entry.data);
    }
  }
}

TEST_CASE("safetensors: the layout is the canonical one") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  write_safetensors(path, small_file(), true);
  const std::string content = read_text(path);
  const uint64_t length = header_length(content);
  CHECK(length % 8 == 0);
  CHECK(content[8] == '{');
  // Largest elements first, then by name: data is aligned however a reader maps it.
  const std::string header = content.substr(8, length);
  size_t last = 0;
  for (const char* name : {"double", "scalar", "integers", "matrix", "none", "bytes"}) {
    const size_t at = header.find('"' + std::string(name) + "\":{");
    CHECK(at != std::string::npos);
    CHECK(at > last);
    last = at;
  }
}

TEST_CASE("safetensors: the CRC is that of header, its digits zeroed, and data") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  // A file with its CRC from an independent implementation.
  std::string header =
      R"({"__metadata__":{"crc32c":"8ae43298"},"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  const uint64_t length = header.size();
  std::string content(sizeof length, '\0');
  std::memcpy(content.data(), &length, sizeof length);
  write_text(path, content + header + "abc");
  CHECK(message_of_reading(path) == "");
}

TEST_CASE("safetensors: a file cut at any byte is refused") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  write_safetensors(path, small_file(), false);
  for (uintmax_t size = std::filesystem::file_size(path); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    INFO("cut to ", size, " bytes");
    CHECK(message_of_reading(path).find(path) != std::string::npos);
  }
}

TEST_CASE("safetensors: with a CRC, every flipped bit is noticed") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  SafetensorsFile file;
  file.tensors["w"] = SafetensorsEntry::from<float>({3}, {1, 2, 3});
  write_safetensors(path, file, true);
  const std::string content = read_text(path);
  // Where the key of the CRC itself is hit, the file reads as one without; a reader that needs the
  // CRC sees that (checkpoint.cpp).
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto write_byte = [&](size_t place, int value) {
    stream.seekp(static_cast<std::streamoff>(place)).put(static_cast<char>(value)).flush();
  };
  for (size_t bit = 0; bit < content.size() * 8; ++bit) {
    write_byte(bit / 8, content[bit / 8] ^ (1 << (bit % 8)));
    INFO("bit ", bit % 8, " of byte ", bit / 8);
    const bool noticed =
        !message_of_reading(path).empty() || !read_safetensors_metadata(path).contains("crc32c");
    CHECK(noticed);
    write_byte(bit / 8, content[bit / 8]);
  }
  CHECK(message_of_reading(path).empty());
}

TEST_CASE("safetensors: a missing file, a directory and a pipe are told apart") {
  const test::ScratchDirectory directory;
  const auto kind_of = [](const std::string& path) {
    try {
      read_safetensors(path);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  };
  CHECK(kind_of(directory.file("none")) == ErrorKind::missing);
  CHECK(kind_of(directory.path()) == ErrorKind::data);
  CHECK(kind_of("/dev/zero") == ErrorKind::data);
}

TEST_CASE("safetensors: values convert where nothing is lost, and are refused elsewhere") {
  const SafetensorsFile file = small_file();
  CHECK(file.tensors.at("matrix").values<double>() ==
        std::vector<double>{1.5, -2, 0.25, static_cast<double>(3e30F)});
  CHECK(file.tensors.at("integers").values<int64_t>() == std::vector<int64_t>{1, -1});
  CHECK(file.tensors.at("bytes").values<float>() == std::vector<float>{1, 2, 255});
  CHECK_THROWS_WITH_AS(file.tensors.at("matrix").values<int64_t>(),
                       doctest::Contains("integers are needed"), Error);
  CHECK_THROWS_WITH_AS(file.tensors.at("integers").values<uint8_t>(),
                       doctest::Contains("-1 does not fit"), Error);

  // 1.0, -2.0, the smallest subnormal, the largest, infinity.
  const std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00};
  SafetensorsEntry half{.dtype = "F16", .shape = {5}, .data = {}};
  const auto half_bytes = std::as_bytes(std::span(halves));
  half.data.assign(half_bytes.begin(), half_bytes.end());
  CHECK(half.values<double>() ==
        std::vector<double>{1, -2, 0x1p-24, 65504, std::numeric_limits<double>::infinity()});
  half.dtype = "BF16";
  CHECK(half.values<double>()[1] == -2.0);
}

}  // namespace
}  // namespace amcl
