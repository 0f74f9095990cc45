// Writes a packed set (data/packed/packed_format.h): to a sibling that gets the file's name when it
// is complete. A writer that is stopped leaves its sibling, and the next one goes on with it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/decode/decode.h"
#include "data/packed/packed_format.h"
#include "engine/io/file.h"

namespace amcl {

// What the index says of an image besides what its record says.
struct PackedLabel {
  std::string name;
  int32_t label = -1;  // none
  uint32_t part = 0;
};

// What header and index say of the set.
struct PackedSet {
  PackedHeader header;  // divided, height, width, size, measures; the writer fills the rest
  std::string name;
  std::string layout;
  std::vector<std::string> class_names;
  std::vector<PackedLabel> images;  // one for each record
};

class PackedWriter {
 public:
  static constexpr const char* kPartialSuffix = ".partial";

  // Opens `path` + kPartialSuffix and keeps its whole records, also where its header is damaged:
  // the stamps tell whether they were made with these settings. Errors: data, if it was written
  // with other settings or is no unfinished set; io, if it cannot be written or another process
  // does.
  PackedWriter(const std::string& path, uint64_t settings);

  struct Record {
    RecordHead head;
    uint64_t offset = 0;  // of the image
  };
  // In the order in which they stand in the file.
  const std::vector<Record>& records() const { return records_; }
  const std::string& partial_path() const { return file_.path(); }

  // Error(io); what was added before stays.
  void add(uint64_t stamp, uint32_t image, ImageExtent extent, std::span<const uint8_t> content);
  // Writes index and header and gives the file its name. Returns its length. Error(io).
  int64_t finish(const PackedSet& set);

 private:
  void keep_whole_records();
  // The record at end_, if it is whole.
  bool keep_record(uint64_t file_bytes);
  std::string make_index(const PackedSet& set) const;

  std::string path_;
  File file_;
  PackedHeader header_;
  // Whether the header on the disk is damaged. It is mended with the first new record: by then the
  // caller has found by their stamps that the kept records are its own.
  bool torn_ = false;
  std::vector<Record> records_;
  std::string buffer_;
  uint64_t end_ = sizeof(PackedHeader);  // of the last record
};

}  // namespace amcl
