// Compares the engine with the reference: reads the golden files of tests/golden/cases, or of the
// directory that AMCL_GOLDEN_DIR names, and computes each in plain f64, plain f32 and f32 on the
// cpu backend and, where there is one, a GPU. Every objective of docs/objectives.md is built, so no file is skipped.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "engine/backend/open.h"
#include "tests/golden/golden_suite.h"

int main() {
  const char* elsewhere = std::getenv("AMCL_GOLDEN_DIR");
  const std::string directory = elsewhere != nullptr ? elsewhere : AMCL_GOLDEN_DIRECTORY;
  const auto plain = amcl::open_backend("plain");
  const auto cpu = amcl::open_backend("cpu");
  // In the files of tests/golden/cases plain f32, whose rounding is that of baseline x86-64 everywhere,
  // flips no relu.
  const double plain_limit =
      elsewhere != nullptr ? amcl::GoldenRun::kWithFlippedRelu : amcl::GoldenRun::kSameRelus;
  std::vector<amcl::GoldenRun> runs = {{*plain, amcl::DType::f64},
                                       {*plain, amcl::DType::f32, plain_limit},
                                       {*cpu, amcl::DType::f32}};
  std::unique_ptr<amcl::Backend> cuda;
  try {
    cuda = amcl::open_backend("cuda");
    runs.push_back({*cuda, amcl::DType::f32});
  } catch (const amcl::Error& error) {
    std::printf("skipped on cuda: %s\n", error.what());
  }
  const amcl::GoldenReport report = amcl::run_goldens(directory, runs);
  for (const std::string& failure : report.failures) std::printf("FAILED %s\n", failure.c_str());
  std::printf("goldens: %lld files, %lld passed, %lld failed, 0 skipped\n",
              static_cast<long long>(report.files), static_cast<long long>(report.passed),
              static_cast<long long>(report.failed()));
  return report.failures.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}
