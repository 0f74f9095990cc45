#include "train/printable.h"

#include <nlohmann/json.hpp>

namespace amcl {
namespace {

// Bytes of the character in UTF-8 that `text` begins with; 0 if that is none.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool longer_than_needed =
      (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool no_character = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return longer_than_needed || no_character ? 0 : bytes;
}

// Of a whole character.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

void append_hexadecimal(std::string& text, const char* prefix, char byte) {
  constexpr const char* kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(byte);
  text += prefix;
  text += kDigits[code >> 4];
  text += kDigits[code & 15];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t bytes = character_bytes(text);
    const std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    if (bytes > 0 && !is_control(character))
      result += character;
    else
      for (const char byte : character) append_hexadecimal(result, "\\x", byte);
    text.remove_prefix(character.size());
  }
  return result;
}

std::string json_text(const nlohmann::ordered_json& record, int indent) {
  const std::string dumped =
      record.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string result;
  for (std::string_view rest = dumped; !rest.empty();) {
    const std::string_view character = rest.substr(0, character_bytes(rest));
    if (character != "\n" && is_control(character))
      append_hexadecimal(result, "\\u00", character.back());
    else
      result += character;
    rest.remove_prefix(character.size());
  }
  return result;
}

}  // namespace amcl
