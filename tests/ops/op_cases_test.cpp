// The table of op cases covers what it says it does.
#include "engine/op_cases/op_cases.h"

#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace amcl {
namespace {

// The functions that ops.h declares, by their names.
std::set<std::string> declared_ops() {
  std::ifstream header(AMCL_SOURCE_DIR "/engine/ops/ops.h");
  REQUIRE(header);
  const std::regex declaration(R"(^(Tensor|PairLoss|TotalPairLoss) (\w+)\(.*)");
  std::set<std::string> names;
  for (std::string line; std::getline(header, line);)
    if (std::smatch match; std::regex_match(line, match, declaration)) names.insert(match[2]);
  return names;
}

TEST_CASE("op cases: every op of ops.h has a case, and every case names an op of ops.h") {
  std::set<std::string> covered;
  for (const OpCase& op_case : op_cases()) covered.insert(op_case.op);
  const std::set<std::string> declared = declared_ops();
  REQUIRE(declared.size() > 30);
  CHECK(covered == declared);
}

TEST_CASE("op cases: every op with a gradient but cast is checked by finite differences") {
  std::set<std::string> checked;
  for (const OpCase& op_case : op_cases())
    if (op_case.differentiable && op_case.gradcheck) checked.insert(op_case.op);
  std::set<std::string> expected = declared_ops();
  expected.erase("cast");  // a staircase in bf16; its gradient is tested in values_test.cpp
  expected.erase("pair_statistics");  // has none
  expected.erase("conv2d_fused");     // alike
  CHECK(checked == expected);
}

TEST_CASE("op cases: each has a name of its own") {
  std::set<std::string> names;
  for (const OpCase& op_case : op_cases()) {
    INFO(op_case.op, ": ", op_case.detail);
    CHECK(names.insert(op_case.op + ": " + op_case.detail).second);
  }
}

}  // namespace
}  // namespace amcl
