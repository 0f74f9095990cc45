// `amcl bench data`: how fast views are made on this machine.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace amcl {

struct BenchDataOptions {
  std::string device = "cpu";
  int64_t workers = 0;       // threads that augment at the same time; 0: all cores
  double seconds = 2.0;      // spent on each figure
  std::string write_images;  // directory for the JPEG images that are decoded; empty: none
};

// Prints one JSON object per line and case: views of 32 px (the recipe of SimCLR with blur), views
// of 224 px from decoded images of 500 x 375, the loader as a training run uses it, JPEG images in
// memory, and images in files (train/bench/bench_decode.h).
void run_bench_data(const BenchDataOptions& options, std::ostream& out);

}  // namespace amcl
