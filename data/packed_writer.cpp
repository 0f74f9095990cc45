#include "data/packed_writer.h"

#include <cstring>

#include "engine/core/check.h"
#include "engine/io/crc32c.h"
#include "engine/io/mapped_file.h"

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
  {
    const MappedFile old(file_.path());
    const std::span<const std::byte> bytes = old.bytes();
    PackedHeader found;
    std::memcpy(&found, bytes.data(), sizeof found);
    if (found.magic != kPackedMagic || found.version != kPackedVersion ||
        found.crc != packed_crc(found))
      fail(ErrorKind::data, file_.path(),
           ": is not the rest of a pack that was stopped; remove it");
    if (found.settings != header_.settings)
      fail(ErrorKind::data, file_.path(),
           ": was begun with other settings; give the same ones to go on, or remove it");
    while (bytes.size() - end_ >= sizeof(RecordHead)) {
      Record record;
      std::memcpy(&record.head, bytes.data() + end_, sizeof record.head);
      record.offset = end_ + sizeof record.head;
      const bool whole =
          record.head.crc == packed_crc(record.head) &&
          record.head.length <= bytes.size() - record.offset &&
          crc32c(bytes.subspan(record.offset, record.head.length)) == record.head.image_crc &&
          (records_.empty() || record.head.image > records_.back().head.image);
      if (!whole) break;
      old.give_back(bytes.subspan(end_, sizeof record.head + record.head.length));
      records_.push_back(record);
      end_ = record.offset + record.head.length;
    }
  }
  file_.write_at(0, bytes_of(header_));
  file_.truncate(static_cast<int64_t>(end_));
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
