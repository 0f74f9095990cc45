#include "engine/io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

constexpr std::array<std::pair<std::string_view, int64_t>, 13> kElementSizes = {{{"BOOL", 1},
                                                                                 {"U8", 1},
                                                                                 {"I8", 1},
                                                                                 {"I16", 2},
                                                                                 {"U16", 2},
                                                                                 {"F16", 2},
                                                                                 {"BF16", 2},
                                                                                 {"I32", 4},
                                                                                 {"U32", 4},
                                                                                 {"F32", 4},
                                                                                 {"F64", 8},
                                                                                 {"I64", 8},
                                                                                 {"U64", 8}}};

// A name from a file, for a message: short and printable.
std::string in_quotes(std::string_view text) {
  constexpr size_t kLongest = 100;
  std::string result = "'";
  for (const char c : text.substr(0, kLongest))
    result += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return result + (text.size() > kLongest ? "...'" : "'");
}

// Takes the events of nlohmann's parser. The format is two levels deep, so that where we are is the
// depth and the name last read; anything else than the format is refused at once, which keeps a
// hostile header from costing more memory than its own length.
class HeaderReader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  HeaderReader(SafetensorsHeader& header, const std::string& path) : header_(header), path_(path) {}

  bool null() { refuse_value("null"); }
  bool boolean(bool /*value*/) { refuse_value("a boolean"); }
  bool number_integer(number_integer_t /*value*/) { refuse_value("a negative number"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) {
    refuse_value("a number that is no 64-bit integer");
  }
  bool binary(binary_t& /*value*/) { refuse_value("binary"); }

  bool number_unsigned(number_unsigned_t value) {
    if (!in_array_) refuse_value("a number");
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      refuse(in_quotes(name_), ": ", field_, " holds ", value, ", which is too large");
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& value) {
    if (depth_ == 2 && in_metadata_)
      header_.metadata.emplace(field_, std::move(value));
    else if (depth_ == 2 && !in_array_ && field_ == "dtype")
      header_.tensors.back().dtype = std::move(value);
    else
      refuse_value("a string");
    return true;
  }

  bool start_object(size_t /*elements*/) {
    if (depth_ >= 2 || in_array_) refuse_value("an object");
    ++depth_;
    if (depth_ == 1) return true;
    in_metadata_ = name_ == kMetadata;
    fields_.clear();
    if (!in_metadata_) header_.tensors.push_back({.name = name_, .dtype = {}, .shape = {}});
    return true;
  }

  bool key(string_t& value) {
    if (depth_ == 1) {
      if (!names_.insert(value).second)
        refuse("the name ", in_quotes(value), " stands there twice");
      name_ = std::move(value);
      return true;
    }
    if (!fields_.insert(value).second)
      refuse(in_quotes(name_), ": ", in_quotes(value), " stands there twice");
    if (!in_metadata_ && value != "dtype" && value != "shape" && value != "data_offsets")
      refuse(in_quotes(name_), ": unknown field ", in_quotes(value));
    field_ = std::move(value);
    return true;
  }

  bool end_object() {
    if (depth_ == 2 && !in_metadata_ && fields_.size() != 3)
      refuse(in_quotes(name_), " lacks one of dtype, shape, data_offsets");
    --depth_;
    return true;
  }

  bool start_array(size_t /*elements*/) {
    if (depth_ != 2 || in_metadata_ || in_array_ || field_ == "dtype") refuse_value("an array");
    in_array_ = true;
    numbers_.clear();
    return true;
  }

  bool end_array() {
    in_array_ = false;
    SafetensorsHeader::Tensor& tensor = header_.tensors.back();
    if (field_ == "shape") {
      tensor.shape = numbers_;
      return true;
    }
    if (numbers_.size() != 2 || numbers_[0] > numbers_[1])
      refuse(in_quotes(name_),
             ": data_offsets must be two numbers, the first not above the second");
    tensor.begin = numbers_[0];
    tensor.end = numbers_[1];
    return true;
  }

  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) {
    refuse("not JSON at byte ", position);
  }

 private:
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(ErrorKind::data, path_, " is damaged or not safetensors: header: ", parts...);
  }
  [[noreturn]] void refuse_value(const char* what) const {
    if (depth_ == 0) refuse("must be an object, is ", what);
    if (depth_ == 1) refuse(in_quotes(name_), " must be an object, is ", what);
    refuse(in_quotes(name_), ": ", in_quotes(field_), " cannot be ", what);
  }

  SafetensorsHeader& header_;
  const std::string& path_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_array_ = false;
  std::string name_;              // key at depth 1
  std::string field_;             // key at depth 2
  std::set<std::string> names_;   // all keys at depth 1
  std::set<std::string> fields_;  // keys of the object at depth 2
  std::vector<int64_t> numbers_;  // of the array being read
};

void check_size(const SafetensorsHeader::Tensor& tensor, const std::string& path) {
  const int64_t size = safetensors_element_size(tensor.dtype);
  if (size == 0)
    fail(ErrorKind::data, path, ": tensor ", in_quotes(tensor.name), " has dtype ",
         in_quotes(tensor.dtype), ", which is not supported");
  int64_t bytes = size;
  for (const int64_t extent : tensor.shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      fail(ErrorKind::data, path, " is damaged: the shape of ", in_quotes(tensor.name),
           " is too large for 64 bits");
  if (bytes != tensor.end - tensor.begin)
    fail(ErrorKind::data, path, " is damaged: ", in_quotes(tensor.name), " needs ", bytes,
         " bytes, its data_offsets span ", tensor.end - tensor.begin);
}

void check_coverage(const SafetensorsHeader& header, int64_t data_bytes, const std::string& path) {
  int64_t expected = 0;
  for (const SafetensorsHeader::Tensor& tensor : header.tensors) {
    if (tensor.begin != expected)
      fail(ErrorKind::data, path, " is damaged: ", in_quotes(tensor.name), " begins at byte ",
           tensor.begin, " of the data, the tensor before it ends at ", expected);
    expected = tensor.end;
  }
  if (expected != data_bytes)
    fail(ErrorKind::data, path, " is ", expected > data_bytes ? "truncated" : "damaged",
         ": its tensors take ", expected, " bytes, the file has ", data_bytes, " after the header");
}

}  // namespace

int64_t safetensors_element_size(std::string_view dtype) {
  for (const auto& [name, size] : kElementSizes)
    if (name == dtype) return size;
  return 0;
}

SafetensorsHeader parse_safetensors_header(std::string_view json, int64_t data_bytes,
                                           const std::string& path) {
  // The parser would take a zero byte for the end of the text and skip a byte order mark.
  const size_t first = json.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || json[first] != '{' ||
      json.find('\0') != std::string_view::npos)
    fail(ErrorKind::data, path, " is damaged or not safetensors: the header is not a JSON object");

  SafetensorsHeader header;
  HeaderReader reader(header, path);
  nlohmann::json::sax_parse(json, &reader);
  for (const SafetensorsHeader::Tensor& tensor : header.tensors) check_size(tensor, path);
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  check_coverage(header, data_bytes, path);
  return header;
}

std::string format_safetensors_header(const SafetensorsHeader& header) {
  nlohmann::ordered_json json;
  json[std::string(kMetadata)] = header.metadata;
  for (const SafetensorsHeader::Tensor& tensor : header.tensors)
    json[tensor.name] = {{"dtype", tensor.dtype},
                         {"shape", tensor.shape},
                         {"data_offsets", {tensor.begin, tensor.end}}};
  constexpr int kCompact = -1;
  std::string text = json.dump(kCompact, ' ', false, nlohmann::json::error_handler_t::replace);
  constexpr size_t kAlignment = 8;
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace amcl
