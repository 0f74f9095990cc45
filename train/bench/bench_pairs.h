// `amcl bench pairs`: what the loss over all pairs of a large batch takes, without an encoder.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace amcl {

struct BenchPairsOptions {
  int64_t rows = 1024;  // M: two views of M / 2 images
  int64_t heads = 3;
  int64_t features = 128;  // of each head; the temperature net has as many hidden units and outputs
  int64_t repeats = 5;     // that are timed
  std::string device = "cpu";
  int64_t threads = 0;   // 0: all cores
  bool profile = false;  // also the time of every kernel, as a table on `log`
};

// Loss and gradients of AMCL-NT-Xent with adaptive temperatures from random projections. Prints one
// JSON object on `out`: median time, peak memory, and the share of the floor, which is the direct
// count of operations of the products at the machine's rate of products.
void run_bench_pairs(const BenchPairsOptions& options, std::ostream& out, std::ostream& log);

}  // namespace amcl
