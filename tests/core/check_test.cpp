#include "engine/core/check.h"

#include <doctest/doctest.h>

namespace amcl {
namespace {

TEST_CASE("check: a failed condition throws what was streamed, and where apart from it") {
  try {
    AMCL_CHECK(1 + 1 == 3, "sum: wanted ", 3, ", got ", 2.5);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "sum: wanted 3, got 2.5");
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(error.where().find("1 + 1 == 3 at ") == 0);
    CHECK(error.where().find("tests/core/check_test.cpp:") != std::string::npos);
  }
}

TEST_CASE("check: a condition that holds streams nothing") {
  bool streamed = false;
  const auto part = [&] {
    streamed = true;
    return "";
  };
  AMCL_CHECK(true, part());
  CHECK(!streamed);
}

TEST_CASE("fail: throws the kind that was asked for, without a place in the source") {
  try {
    fail(ErrorKind::missing, "data: no such directory: ", "x");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::missing);
    CHECK(error.where().empty());
  }
}

// As a stream does that finds no memory.
struct FailingPart {};
std::ostream& operator<<(std::ostream& out, const FailingPart& /*part*/) {
  out.setstate(std::ios::badbit);
  return out;
}

TEST_CASE("fail: a message that cannot be written is an error of its own, not a shorter message") {
  CHECK_THROWS_AS(fail(ErrorKind::data, "file: ", FailingPart{}, " is not an image"),
                  std::ios::failure);
}

}  // namespace
}  // namespace amcl
