// Writing the wire format of Protocol Buffers: fields one after the other, each a key (number and kind)
// and a value. Who writes a message knows its fields; there are no descriptions of messages here.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace amcl {

class ProtobufMessage {
 public:
  // Negative numbers take ten bytes, as the format has it for int32 and int64.
  void add_integer(uint32_t field, int64_t value) {
    key(field, kVarint);
    varint(static_cast<uint64_t>(value));
  }
  void add_float(uint32_t field, float value) {
    key(field, kFixed32);
    little_endian(std::bit_cast<uint32_t>(value));
  }
  void add_double(uint32_t field, double value) {
    key(field, kFixed64);
    little_endian(std::bit_cast<uint64_t>(value));
  }
  // Text or any bytes.
  void add_bytes(uint32_t field, std::string_view bytes) {
    key(field, kDelimited);
    varint(bytes.size());
    bytes_ += bytes;
  }
  void add_message(uint32_t field, const ProtobufMessage& message) {
    add_bytes(field, message.bytes_);
  }
  // The packed forms of repeated numbers.
  void add_packed(uint32_t field, std::span<const double> values) {
    ProtobufMessage packed;
    for (const double value : values) packed.little_endian(std::bit_cast<uint64_t>(value));
    add_bytes(field, packed.bytes_);
  }
  void add_packed(uint32_t field, std::span<const float> values) {
    ProtobufMessage packed;
    for (const float value : values) packed.little_endian(std::bit_cast<uint32_t>(value));
    add_bytes(field, packed.bytes_);
  }
  void add_packed(uint32_t field, std::span<const int64_t> values) {
    ProtobufMessage packed;
    for (const int64_t value : values) packed.varint(static_cast<uint64_t>(value));
    add_bytes(field, packed.bytes_);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  enum Kind : uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };

  void key(uint32_t field, Kind kind) { varint(uint64_t{field} << 3 | kind); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  template <class Unsigned>
  void little_endian(Unsigned value) {
    for (size_t byte = 0; byte < sizeof(Unsigned); ++byte)
      bytes_ += static_cast<char>(value >> (8 * byte));
  }

  std::string bytes_;
};

}  // namespace amcl
