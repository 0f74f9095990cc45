#include "engine/backend/device_name.h"

#include <algorithm>
#include <charconv>

#include "engine/core/check.h"

namespace amcl {
namespace {

const std::string kNumbered = "cuda:";

// The number if `digits` is one, without a sign; else -1.
int number_of(const std::string& digits) {
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return -1;
  int number = -1;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && stop == end ? number : -1;
}

}  // namespace

DeviceName parse_device_name(const std::string& text) {
  if (text == "cpu" || text == "cuda" || text == "plain") return {text};
  if (text.starts_with(kNumbered))
    if (const int number = number_of(text.substr(kNumbered.size())); number >= 0)
      return {"cuda", number};
  fail(ErrorKind::usage, "device: '", text,
       "' is not one of cpu, cuda, cuda:N (the GPU of number N, from 0), plain");
}

std::vector<std::string> device_name_forms() {
  return {"cpu", "cuda", "cuda:N", "plain"};
}

}  // namespace amcl
