#include "data/packed/packed_writer.h"

#include <utility>

#include "data/image_files.h"
#include "engine/core/check.h"
#include "engine/io/crc32c.h"

namespace amcl {
namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

void append(std::string& to, std::span<const std::byte> bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append_text(std::string& to, const std::string& text) {
  append(to, bytes_of(static_cast<uint32_t>(text.size())));
  to += text;
}

}  // namespace

PackedWriter::PackedWriter(const std::string& path, uint64_t settings)
    : path_(path), file_(File::open_exclusively(path + kPartialSuffix)) {
  header_.settings = settings;
  header_.crc = packed_crc(header_);
  if (file_.size() < static_cast<int64_t>(sizeof header_)) {
    file_.truncate(0);
    file_.write(bytes_of(header_));
  } else {
    keep_whole_records();
  }
}

void PackedWriter::keep_whole_records() {
  PackedHeader found;
  file_.read_at(0, std::as_writable_bytes(std::span(&found, 1)));
  // One that was being written when the machine stopped; records say themselves whether they are
  // whole.
  torn_ = found.crc != packed_crc(found);
  const bool ours = found.magic == kPackedMagic && (torn_ || found.version == kPackedVersion);
  if (ours && !torn_ && found.settings != header_.settings)
    fail(ErrorKind::data, file_.path(),
         ": was begun with other settings; give the same ones to go on, or remove it");
  const auto size = static_cast<uint64_t>(file_.size());
  while (keep_record(size)) continue;
  if (!ours && !(torn_ && !records_.empty()))
    fail(ErrorKind::data, file_.path(), ": is not the rest of a pack that was stopped; remove it");
  if (!torn_) file_.write_at(0, bytes_of(header_));
  file_.truncate(static_cast<int64_t>(end_));
}

bool PackedWriter::keep_record(uint64_t file_bytes) {
  Record record;
  record.offset = end_ + sizeof record.head;
  if (record.offset > file_bytes) return false;
  file_.read_at(static_cast<int64_t>(end_), std::as_writable_bytes(std::span(&record.head, 1)));
  const bool plausible = record.head.crc == packed_crc(record.head) &&
                         record.head.length <= file_bytes - record.offset &&
                         record.head.length <= kMostImageFileBytes &&
                         (records_.empty() || record.head.image > records_.back().head.image);
  if (!plausible) return false;
  buffer_.resize(record.head.length);
  const std::span<std::byte> image = std::as_writable_bytes(std::span(buffer_));
  file_.read_at(static_cast<int64_t>(record.offset), image);
  if (crc32c(image) != record.head.image_crc) return false;
  records_.push_back(record);
  end_ = record.offset + record.head.length;
  return true;
}

void PackedWriter::add(uint64_t stamp, uint32_t image, ImageExtent extent,
                       std::span<const uint8_t> content) {
  Record record;
  record.head = {.stamp = stamp,
                 .image = image,
                 .length = static_cast<uint32_t>(content.size()),
                 .image_crc = crc32c(std::as_bytes(content)),
                 .height = static_cast<uint32_t>(extent.height),
                 .width = static_cast<uint32_t>(extent.width)};
  record.head.crc = packed_crc(record.head);
  record.offset = end_ + sizeof record.head;
  if (std::exchange(torn_, false)) file_.write_at(0, bytes_of(header_));
  buffer_.clear();
  append(buffer_, bytes_of(record.head));
  append(buffer_, std::as_bytes(content));
  file_.write(std::as_bytes(std::span(buffer_)));
  records_.push_back(record);
  end_ += buffer_.size();
}

std::string PackedWriter::make_index(const PackedSet& set) const {
  std::string index;
  for (size_t i = 0; i < records_.size(); ++i) {
    const RecordHead& head = records_[i].head;
    append(index, bytes_of(PackedEntry{.offset = records_[i].offset,
                                       .length = head.length,
                                       .image_crc = head.image_crc,
                                       .height = head.height,
                                       .width = head.width,
                                       .label = set.images[i].label,
                                       .part = set.images[i].part}));
  }
  uint64_t begin = 0;
  for (const PackedLabel& image : set.images) {
    append(index, bytes_of(begin));
    begin += image.name.size();
  }
  append(index, bytes_of(begin));
  for (const PackedLabel& image : set.images) index += image.name;
  append_text(index, set.name);
  append_text(index, set.layout);
  append(index, bytes_of(static_cast<uint32_t>(set.class_names.size())));
  for (const std::string& name : set.class_names) append_text(index, name);
  return index;
}

int64_t PackedWriter::finish(const PackedSet& set) {
  AMCL_CHECK(set.images.size() == records_.size(), "packed set: ", set.images.size(),
             " labels for ", records_.size(), " records");
  const std::string index = make_index(set);
  file_.write(std::as_bytes(std::span(index)));
  PackedHeader header = set.header;
  header.magic = kPackedMagic;
  header.version = kPackedVersion;
  header.complete = 1;
  header.settings = header_.settings;
  header.images = records_.size();
  header.index_offset = end_;
  header.index_bytes = index.size();
  header.index_crc = crc32c(std::as_bytes(std::span(index)));
  header.crc = packed_crc(header);
  file_.sync();  // nothing may be called complete that is not on the disk
  file_.write_at(0, bytes_of(header));
  file_.sync();
  rename_over(file_.path(), path_);
  sync_directory_of(path_);
  return static_cast<int64_t>(end_ + index.size());
}

}  // namespace amcl
