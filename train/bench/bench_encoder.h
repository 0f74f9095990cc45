// `amcl bench encoder`: how fast an encoder makes features on this machine, of images made up here and
// without the input pipeline.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace amcl {

struct BenchEncoderOptions {
  std::string backbone = "resnet18";
  int64_t width = 64;
  int64_t size = 32;   // pixels of a side; up to 64 with the CIFAR stem, above with ImageNet's
  int64_t batch = 64;  // images
  double seconds = 5.0;
  std::string device = "cpu";
  std::string precision = "f32";
  int64_t threads = 0;   // 0: all cores
  bool profile = false;  // also the time of every kernel, as a table on `log`
};

// The path of `amcl embed` behind the decoding: batch norm folded, no tape. Prints one JSON object on
// `out`: median images per second, and the share of the machine's rate of matrix products that the
// direct count of operations comes to.
void run_bench_encoder(const BenchEncoderOptions& options, std::ostream& out, std::ostream& log);

}  // namespace amcl
