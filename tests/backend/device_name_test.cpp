#include "engine/backend/device_name.h"

#include <doctest/doctest.h>

#include "engine/backend/open.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

TEST_CASE("device name: a backend, and of GPUs a number") {
  CHECK(parse_device_name("cpu").backend == "cpu");
  CHECK(parse_device_name("plain").backend == "plain");
  for (const auto& [text, number] : {std::pair{"cuda", 0}, {"cuda:0", 0}, {"cuda:12", 12}}) {
    CAPTURE(text);
    CHECK(parse_device_name(text).backend == "cuda");
    CHECK(parse_device_name(text).number == number);
  }
}

TEST_CASE(
    "device name: another text is refused with what there is, before a device is looked for") {
  for (const char* bad : {"gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda:99999999999",
                          "cpu:1", "plain:0", "CUDA"}) {
    CAPTURE(bad);
    CHECK_THROWS_WITH_AS(open_backend(bad), doctest::Contains("cpu, cuda, cuda:N"), Error);
    try {
      parse_device_name(bad);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
    }
  }
}

}  // namespace
}  // namespace amcl
