#include "train/run/shell_quoted.h"

#include <doctest/doctest.h>

namespace amcl {
namespace {

TEST_CASE("shell: what is no plain word stands in quotes") {
  CHECK(shell_quoted("runs/first-2_a.b") == "runs/first-2_a.b");
  CHECK(shell_quoted("0.2,1") == "0.2,1");
  CHECK(shell_quoted("my runs") == "'my runs'");
  CHECK(shell_quoted("it's; rm -rf *") == "'it'\\''s; rm -rf *'");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("~") == "'~'");
}

}  // namespace
}  // namespace amcl
