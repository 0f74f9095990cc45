#include "data/decode/file_kind.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engine/core/check.h"
#include "engine/io/file.h"

namespace amcl {
namespace {

using namespace std::string_view_literals;

struct Ending {
  std::string_view text;
  FileKind kind;
};

// The usual ones first. Other kinds are here so that files that lie beside images in great numbers
// are not opened.
constexpr Ending kEndings[] = {
    {".jpg", FileKind::jpeg},       {".jpeg", FileKind::jpeg}, {".png", FileKind::png},
    {".jpe", FileKind::jpeg},       {".jfif", FileKind::jpeg}, {".bmp", FileKind::bmp},
    {".dib", FileKind::bmp},        {".ppm", FileKind::pnm},   {".pgm", FileKind::pnm},
    {".pnm", FileKind::pnm},        {".tif", FileKind::tiff},  {".tiff", FileKind::tiff},
    {".webp", FileKind::webp},      {".gif", FileKind::gif},   {".heic", FileKind::heif},
    {".heif", FileKind::heif},      {".avif", FileKind::heif}, {".mp4", FileKind::heif},
    {".mov", FileKind::heif},       {".txt", FileKind::text},  {".csv", FileKind::text},
    {".tsv", FileKind::text},       {".json", FileKind::text}, {".jsonl", FileKind::text},
    {".xml", FileKind::text},       {".xmp", FileKind::text},  {".yaml", FileKind::text},
    {".yml", FileKind::text},       {".toml", FileKind::text}, {".md", FileKind::text},
    {".html", FileKind::text},      {".svg", FileKind::text},  {".log", FileKind::text},
    {".lst", FileKind::text},       {".py", FileKind::text},   {".sh", FileKind::text},
    {".mat", FileKind::other},      {".npy", FileKind::other}, {".npz", FileKind::other},
    {".pkl", FileKind::other},      {".pt", FileKind::other},  {".h5", FileKind::other},
    {".tfrecord", FileKind::other}, {".zip", FileKind::other}, {".tar", FileKind::other},
    {".gz", FileKind::other},       {".tgz", FileKind::other}, {".7z", FileKind::other},
    {".pdf", FileKind::other},      {".avi", FileKind::other}, {".mkv", FileKind::other},
    {".wav", FileKind::other},      {".psd", FileKind::other}, {".tmp", FileKind::other},
    {".part", FileKind::other},     {".bak", FileKind::other}};

constexpr size_t kBytesRead = 512;

bool begins_with(std::span<const uint8_t> file, std::string_view magic, size_t offset = 0) {
  if (file.size() < offset + magic.size()) return false;
  return std::equal(magic.begin(), magic.end(), file.begin() + static_cast<ptrdiff_t>(offset),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// UTF-8 or one of the older codes.
bool is_text(std::span<const uint8_t> file) {
  return std::none_of(file.begin(), file.end(), [](uint8_t byte) {
    return (byte < ' ' && std::isspace(byte) == 0) || byte == 0x7f;
  });
}

// Whether a text has the two letters that a BMP or PNM file begins with.
bool begins_by_chance(FileKind kind, std::span<const uint8_t> file) {
  if (!is_text(file)) return false;
  if (kind == FileKind::pnm)
    return file.size() < 4 || std::isspace(file[2]) == 0 ||
           (std::isdigit(file[3]) == 0 && file[3] != '#');
  return kind == FileKind::bmp;
}

}  // namespace

const char* name_of(FileKind kind) {
  static constexpr const char* kNames[] = {"JPEG",
                                           "PNG",
                                           "BMP",
                                           "PNM",
                                           "TIFF (not supported)",
                                           "WebP (not supported)",
                                           "GIF (not supported)",
                                           "HEIF, AVIF or video (not supported)",
                                           "text",
                                           "empty",
                                           "unreadable",
                                           "of other kinds"};
  static_assert(std::size(kNames) == kFileKinds);
  return kNames[static_cast<size_t>(kind)];
}

bool is_decoded(FileKind kind) {
  return kind <= FileKind::pnm;
}

FileKind kind_of_content(std::span<const uint8_t> file) {
  if (file.empty()) return FileKind::empty;
  if (begins_with(file, "\xff\xd8\xff")) return FileKind::jpeg;
  if (begins_with(file, "\x89PNG\r\n\x1a\n")) return FileKind::png;
  if (begins_with(file, "BM")) return FileKind::bmp;
  if (begins_with(file, "P5") || begins_with(file, "P6")) return FileKind::pnm;
  if (begins_with(file, "GIF8")) return FileKind::gif;
  if (begins_with(file, "RIFF") && begins_with(file, "WEBP", 8)) return FileKind::webp;
  for (const std::string_view tiff : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (begins_with(file, tiff)) return FileKind::tiff;
  if (begins_with(file, "ftyp", 4)) return FileKind::heif;
  return is_text(file) ? FileKind::text : FileKind::other;
}

std::optional<FileKind> kind_of_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view ending = name.substr(dot);
  const auto same = [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); };
  const auto found = std::find_if(std::begin(kEndings), std::end(kEndings), [&](const Ending& e) {
    return std::equal(e.text.begin(), e.text.end(), ending.begin(), ending.end(), same);
  });
  if (found == std::end(kEndings)) return std::nullopt;
  return found->kind;
}

FileKind kind_of_file(const std::string& path) {
  std::array<uint8_t, kBytesRead> buffer{};
  try {
    File file = File::open_for_reading(path);
    const std::span<uint8_t> first =
        std::span(buffer).first(std::min(kBytesRead, static_cast<size_t>(file.size())));
    file.read(std::as_writable_bytes(first));
    const FileKind kind = kind_of_content(first);
    return begins_by_chance(kind, first) ? FileKind::text : kind;
  } catch (const Error&) {
    return FileKind::unreadable;
  }
}

}  // namespace amcl
