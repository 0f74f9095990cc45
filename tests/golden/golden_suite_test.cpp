// The golden runner must notice everything: each test takes a file that passes and breaks one thing.
#include "tests/golden/golden_suite.h"

#include <doctest/doctest.h>

#include "models/objectives/nt_xent.h"
#include "tests/io/scratch_directory.h"
#include "tests/support/backends.h"

namespace amcl {
namespace {

void store(SafetensorsFile& file, const std::string& name, const Tensor& value) {
  const auto extents = value.shape().extents();
  file.tensors[name] = SafetensorsEntry::from<double>(
      std::vector<int64_t>(extents.begin(), extents.end()), value.to_host<double>());
}

// NT-Xent of three images, as the engine computes it in f64.
SafetensorsFile passing_file() {
  const std::vector<double> values = {0.3, -1.2, 0.9,  0.4, -0.5, 1.1,
                                      0.8, 0.2,  -0.7, 0.6, 1.3,  -0.1};
  const TapeScope scope;
  const Tensor z = tape::leaf(
      Tensor::from_host(test::plain(), {1, 6, 2}, std::span<const double>(values), DType::f64));
  const Loss loss = nt_xent(z, {.temperature = 0.5});
  tape::backward(loss.total);
  SafetensorsFile file;
  file.metadata = {{"case", "test"}, {"objective", "ntxent"}, {"tau", "0.5"}, {"with_pos", "1"}};
  store(file, "in.z", z);
  store(file, "out.loss", loss.total);
  store(file, "out.per_head", loss.per_head);
  store(file, "grad.z", tape::gradient(z));
  return file;
}

void set(SafetensorsFile& file, const char* key, const char* value) {
  file.metadata.insert_or_assign(key, value);
}

// A file without outputs that must be refused: five rows are not two views.
SafetensorsFile refused_file() {
  SafetensorsFile file = passing_file();
  set(file, "expect_error", "1");
  file.tensors = {
      {"in.z", SafetensorsEntry::from<double>({1, 5, 2}, std::vector<double>(10, 1.0))}};
  return file;
}

void add_to_first(SafetensorsEntry& entry, double change) {
  auto values = entry.values<double>();
  values.front() += change;
  entry = SafetensorsEntry::from<double>(entry.shape, values);
}

// What the runner says about the file; empty if it passes.
std::string verdict(const SafetensorsFile& file) {
  const test::ScratchDirectory directory;
  write_safetensors(directory.file("case.safetensors"), file, /*with_crc=*/false);
  const std::vector<GoldenRun> runs = {{test::plain(), DType::f64}, {test::plain(), DType::f32}};
  const GoldenReport report = run_goldens(directory.path(), runs);
  CHECK(report.files == 1);
  CHECK(report.passed == (report.failures.empty() ? 1 : 0));
  return report.failures.empty() ? "" : report.failures.front();
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

TEST_CASE("golden runner: a correct file passes, a refusal that is expected too") {
  CHECK(verdict(passing_file()).empty());
  CHECK(verdict(refused_file()).empty());
}

TEST_CASE("golden runner: a wrong value fails in f64, a coarse one in f32") {
  for (const char* name : {"out.loss", "out.per_head", "grad.z"}) {
    SafetensorsFile file = passing_file();
    add_to_first(file.tensors[name], 1e-7);
    says(verdict(file), std::string("case [plain f64]: ") + name + "[0] is");
  }
}

TEST_CASE("golden runner: rounding of a tensor that is zero passes, anything above it fails") {
  // One feature: a row of length 1 whatever happens, so that no gradient is left.
  const auto with_gradient = [](double value) {
    SafetensorsFile file;
    file.metadata = {{"case", "ops_l2norm_softmax"}, {"eps", "1e-12"}, {"cases", "1"}};
    file.metadata.insert({"c0.op", "l2_normalize"});
    const auto column = [](double first) {
      return SafetensorsEntry::from<double>({2, 1}, std::vector<double>{first, -0.7});
    };
    file.tensors = {{"c0.in.x", column(0.3)}, {"c0.in.gy", column(0.9)}};
    file.tensors.insert({"c0.out.y", SafetensorsEntry::from<double>({2, 1}, {{1.0, -1.0}})});
    file.tensors.insert({"c0.grad.x", SafetensorsEntry::from<double>({2, 1}, {{0.0, value}})});
    return file;
  };
  CHECK(verdict(with_gradient(0.0)).empty());
  CHECK(verdict(with_gradient(5.6e-17)).empty());
  // Not rounding of inputs of size 1, and not what is computed.
  says(verdict(with_gradient(2e-15)), "case [plain f64]: c0.grad.x[1] is");

  SafetensorsFile zeros = passing_file();
  zeros.tensors["grad.z"] = SafetensorsEntry::from<double>({1, 6, 2}, std::vector<double>(12, 0.0));
  says(verdict(zeros), "case [plain f64]: grad.z[0] is");
}

TEST_CASE("golden runner: whatever nobody asks for fails") {
  SafetensorsFile key = passing_file();
  set(key, "margin", "0.1");
  says(verdict(key), "unknown metadata: margin");

  SafetensorsFile tensor = passing_file();
  tensor.tensors["out.tau"] = tensor.tensors["out.loss"];
  says(verdict(tensor), "nothing was compared with: out.tau");

  SafetensorsFile objective = passing_file();
  set(objective, "objective", "triplet");
  says(verdict(objective), "objective = 'triplet' is not known");

  SafetensorsFile operation = passing_file();
  operation.metadata.erase("objective");
  says(verdict(operation), "`case` = 'test' is not known");

  SafetensorsFile compare = passing_file();
  set(compare, "compare", "a bit");
  says(verdict(compare), "compare = 'a bit' is not known");
}

TEST_CASE("golden runner: a missing tensor, key or number fails") {
  SafetensorsFile tensor = passing_file();
  tensor.tensors.erase("grad.z");
  says(verdict(tensor), "lacks the tensor grad.z");

  SafetensorsFile key = passing_file();
  key.metadata.erase("tau");
  says(verdict(key), "lacks 'tau'");

  SafetensorsFile number = passing_file();
  set(number, "tau", "warm");
  says(verdict(number), "tau = 'warm' is not a number");
}

TEST_CASE(
    "golden runner: a call that should be refused and is not fails, and the other way round") {
  SafetensorsFile legal = refused_file();
  legal.tensors["in.z"] = passing_file().tensors["in.z"];
  says(verdict(legal), "must be refused with an error, but was computed");

  SafetensorsFile unexpected = passing_file();
  set(unexpected, "tau", "0");
  says(verdict(unexpected), "refused: ntxent: the temperature must be positive, got 0");
}

TEST_CASE("golden runner: `compare` narrows what is compared") {
  SafetensorsFile ties = passing_file();
  set(ties, "compare", "loss and per_head only (ties)");
  add_to_first(ties.tensors["grad.z"], 1.0);
  CHECK(verdict(ties).empty());
  add_to_first(ties.tensors["out.per_head"], 1.0);
  says(verdict(ties), "out.per_head[0] is");

  SafetensorsFile coarse = passing_file();
  coarse.metadata["compare"] =
      "loss and gradients finite in f32; values against f64 only for an f64 build";
  CHECK(verdict(coarse).empty());
  add_to_first(coarse.tensors["grad.z"], 1.0);
  says(verdict(coarse), "[plain f64]: grad.z[0] is");
}

TEST_CASE("golden runner: a directory without files and an unreadable file fail") {
  const test::ScratchDirectory directory;
  const std::vector<GoldenRun> runs = {{test::plain(), DType::f64}};
  says(run_goldens(directory.file("absent"), runs).failures.front(), "no .safetensors files in");
  says(run_goldens(directory.path(), runs).failures.front(), "no .safetensors files in");

  test::write_text(directory.file("broken.safetensors"), "no header");
  const GoldenReport report = run_goldens(directory.path(), runs);
  CHECK(report.files == 1);
  CHECK(report.failed() == 1);
  says(report.failures.front(), "broken.safetensors");
}

}  // namespace
}  // namespace amcl
