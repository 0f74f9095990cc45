#include "engine/io/protobuf.h"

#include <doctest/doctest.h>

#include <array>

namespace amcl {
namespace {

std::string hexadecimal(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// The examples of https://protobuf.dev/programming-guides/encoding and what follows from its rules.
TEST_CASE("protobuf: the bytes are those of the encoding guide") {
  ProtobufMessage integer;
  integer.add_integer(1, 150);
  CHECK(hexadecimal(integer.bytes()) == "089601");
  ProtobufMessage text;
  text.add_bytes(2, "testing");
  CHECK(hexadecimal(text.bytes()) == "120774657374696e67");
  ProtobufMessage nested;
  nested.add_message(3, integer);
  CHECK(hexadecimal(nested.bytes()) == "1a03089601");
  ProtobufMessage packed;
  packed.add_packed(6, std::array<int64_t, 3>{3, 270, 86942});
  CHECK(hexadecimal(packed.bytes()) == "3206038e029ea705");
  ProtobufMessage negative;
  negative.add_integer(1, -1);
  CHECK(hexadecimal(negative.bytes()) == "08ffffffffffffffffff01");
}

TEST_CASE("protobuf: numbers of fixed width are little endian, and field numbers may be large") {
  ProtobufMessage message;
  message.add_float(2, 1.0F);
  message.add_double(1, -2.0);
  CHECK(hexadecimal(message.bytes()) ==
        "150000803f"
        "0900000000000000c0");
  ProtobufMessage packed;
  packed.add_packed(7, std::array<double, 1>{1.0});
  packed.add_packed(7, std::array<float, 1>{1.0F});
  CHECK(hexadecimal(packed.bytes()) ==
        "3a08000000000000f03f"
        "3a040000803f");
  ProtobufMessage large;
  large.add_integer(100, 0);
  CHECK(hexadecimal(large.bytes()) == "a00600");
}

}  // namespace
}  // namespace amcl
