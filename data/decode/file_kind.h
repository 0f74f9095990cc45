// What a file is: by the ending of its name, or by its first bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace amcl {

enum class FileKind { jpeg, png, bmp, pnm, tiff, webp, gif, heif, text, empty, unreadable, other };
inline constexpr size_t kFileKinds = static_cast<size_t>(FileKind::other) + 1;

// As in counts: "TIFF (not supported)", "text".
const char* name_of(FileKind kind);
// Whether ImageDecoder (data/decode/decode.h) takes it.
bool is_decoded(FileKind kind);

// By the first bytes of a file, or by all of them.
FileKind kind_of_content(std::span<const uint8_t> file);
// By the ending, in either case; nothing where that decides nothing (none, or an unknown one).
std::optional<FileKind> kind_of_name(std::string_view name);
// Reads the file's first bytes; `unreadable` if that fails or it is no regular file.
FileKind kind_of_file(const std::string& path);

}  // namespace amcl
