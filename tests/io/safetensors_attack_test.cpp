// Files that are wrong on purpose, each with the words that its refusal must hold. Many follow the
// reference reader's own tests; duplicate names and unknown fields are refused by us only.
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "engine/core/check.h"
#include "engine/io/safetensors.h"
#include "engine/io/safetensors_header.h"
#include "tests/io/scratch_directory.h"

namespace amcl {
namespace {

std::string with_length(uint64_t length, const std::string& rest) {
  std::string content(sizeof length, '\0');
  std::memcpy(content.data(), &length, sizeof length);
  return content + rest;
}

std::string file_of(const std::string& header, size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\1'));
}

std::string message_of(const std::string& content) {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  test::write_text(path, content);
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    CHECK(std::string(error.what()).find(path) != std::string::npos);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "accepted";
}

struct Attack {
  const char* what;
  std::string content;
  const char* words;
};

std::vector<Attack> attacks_on_the_frame() {
  return {
      {"nothing", "", "only 0 bytes"},
      {"seven bytes", "1234567", "only 7 bytes"},
      {"length only", with_length(0, ""), "not a JSON object"},
      {"length beyond the file", with_length(100, "{}"), "truncated"},
      {"length above the limit", with_length(kMaxSafetensorsHeader + 1, "{}"), "above the limit"},
      {"length of all ones", with_length(UINT64_MAX, "{}"), "above the limit"},
      {"length with the sign bit", with_length(uint64_t{1} << 63, "{}"), "above the limit"},
      {"not JSON", file_of("{not json", 0), "not JSON at byte"},
      {"text after the object", file_of("{}x", 0), "not JSON at byte"},
      {"zero byte after the object", file_of(std::string("{}\0", 3), 0), "not a JSON object"},
      {"byte order mark", file_of("\xef\xbb\xbf{}", 0), "not a JSON object"},
      {"array", file_of("[]", 0), "not a JSON object"},
      {"number", file_of("1", 0), "not a JSON object"},
      {"not UTF-8", file_of("{\"\xff\xfe\":{}}", 0), "not JSON at byte"},
      {"deep arrays", file_of("{\"x\":" + std::string(100'000, '['), 0), "must be an object"},
      {"deep objects", file_of("{\"x\":{\"shape\":{\"x\":{}}}}", 0), "cannot be an object"},
      {"data without tensors", file_of("{}", 1), "damaged"},
  };
}

std::vector<Attack> attacks_on_entries() {
  const auto x = [](const std::string& fields, size_t bytes) {
    return file_of("{\"x\":{" + fields + "}}", bytes);
  };
  return {
      {"unknown dtype", x(R"("dtype":"F8","shape":[1],"data_offsets":[0,1])", 1), "not supported"},
      {"no dtype", x(R"("shape":[1],"data_offsets":[0,1])", 1), "lacks one of"},
      {"no fields", x("", 0), "lacks one of"},
      {"unknown field", x(R"("dtype":"U8","shape":[1],"data_offsets":[0,1],"y":"z")", 1),
       "unknown field 'y'"},
      {"field twice", x(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])", 1),
       "'dtype' stands there twice"},
      {"shape of text", x(R"("dtype":"U8","shape":["1"],"data_offsets":[0,1])", 1),
       "cannot be a string"},
      {"negative extent", x(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])", 1),
       "cannot be a negative number"},
      {"fractional extent", x(R"("dtype":"U8","shape":[1.0],"data_offsets":[0,1])", 1),
       "no 64-bit integer"},
      {"extent above 64 bits",
       x(R"("dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1])", 1),
       "no 64-bit integer"},
      {"extent above 63 bits",
       x(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1])", 1), "too large"},
      {"product overflows",
       x(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0),
       "too large for 64 bits"},
      {"bytes overflow",
       x(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])", 0),
       "too large for 64 bits"},
      {"shape beyond offsets", x(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4),
       "needs 8 bytes"},
      {"offsets reversed", x(R"("dtype":"U8","shape":[1],"data_offsets":[1,0])", 1),
       "the first not above the second"},
      {"one offset", x(R"("dtype":"U8","shape":[1],"data_offsets":[1])", 1), "must be two numbers"},
      {"three offsets", x(R"("dtype":"U8","shape":[1],"data_offsets":[0,1,1])", 1),
       "must be two numbers"},
      {"data cut", x(R"("dtype":"U8","shape":[9],"data_offsets":[0,9])", 8), "truncated"},
      {"data too long", x(R"("dtype":"U8","shape":[1],"data_offsets":[0,1])", 2), "damaged"},
      {"hole at the start", x(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])", 2),
       "begins at byte 1"},
      {"tensor is a list", file_of(R"({"x":[]})", 0), "must be an object"},
      {"tensor is text", file_of(R"({"x":"y"})", 0), "must be an object"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"x":1}})", 0), "cannot be a number"},
      {"metadata nested", file_of(R"({"__metadata__":{"x":{}}})", 0), "cannot be an object"},
      {"metadata null", file_of(R"({"__metadata__":null})", 0), "must be an object"},
      {"metadata key twice", file_of(R"({"__metadata__":{"x":"1","x":"2"}})", 0),
       "'x' stands there twice"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "twice"},
      {"crc of other digits", file_of(R"({"__metadata__":{"crc32c":"0000000"}})", 0), "eight"},
      {"crc in capitals", file_of(R"({"__metadata__":{"crc32c":"ABCDEF00"}})", 0), "CRC-32C"},
  };
}

std::vector<Attack> attacks_on_pairs() {
  const auto pair = [](const std::string& second_name, const std::string& first_offsets,
                       const std::string& second_offsets) {
    const std::string field = R"("dtype":"U8","shape":[2],"data_offsets":)";
    return file_of("{\"a\":{" + field + first_offsets + "},\"" + second_name + "\":{" + field +
                       second_offsets + "}}",
                   4);
  };
  return {
      {"name twice", pair("a", "[0,2]", "[2,4]"), "'a' stands there twice"},
      {"name twice, escaped", pair("\\u0061", "[0,2]", "[2,4]"), "'a' stands there twice"},
      {"overlap", pair("b", "[0,2]", "[1,3]"), "begins at byte 1"},
      {"same bytes", pair("b", "[0,2]", "[0,2]"), "begins at byte 0"},
      {"hole", pair("b", "[0,2]", "[3,5]"), "begins at byte 3"},
  };
}

TEST_CASE("safetensors: wrong files are refused in one line that names the fault") {
  for (const auto& attacks : {attacks_on_the_frame(), attacks_on_entries(), attacks_on_pairs()})
    for (const Attack& attack : attacks) {
      const std::string message = message_of(attack.content);
      INFO(attack.what, ": ", message);
      CHECK(message.find(attack.words) != std::string::npos);
    }
}

TEST_CASE("safetensors: unusual but right files are read") {
  CHECK(message_of(file_of("{}", 0)) == "accepted");
  CHECK(message_of(file_of("  {}  \n", 0)) == "accepted");
  CHECK(message_of(file_of(R"({"x":{"shape":[],"data_offsets":[0,8],"dtype":"U64"}})", 8)) ==
        "accepted");
  CHECK(message_of(file_of(R"({"x":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]},)"
                           R"("y":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                           0)) == "accepted");
  // In the order of the data, not of the header.
  CHECK(message_of(file_of(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                           R"("y":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                           2)) == "accepted");
}

}  // namespace
}  // namespace amcl
