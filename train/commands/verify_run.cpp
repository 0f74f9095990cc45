#include "train/commands/verify_run.h"

#include <filesystem>
#include <iostream>
#include <vector>

#include "engine/backend/device_name.h"
#include "engine/backend/open.h"
#include "train/assembly/training_backend.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/run_directory.h"
#include "train/evaluation/stored_model.h"
#include "train/printable.h"
#include "train/run/verification.h"

namespace amcl {
namespace {

void print(const std::string& path, const Verification& found) {
  constexpr int64_t kKilo = 1000;
  std::cout << printable(path) << "\n  file      intact: CRC-32C " << found.crc << ", "
            << found.tensors << " tensors, " << found.bytes / kKilo << " kB\n  model     "
            << printable(found.model) << ": weights and optimiser fit\n  run       epoch "
            << found.epoch << ", step " << found.step << ", seed " << found.seed
            << ", written by commit " << printable(found.commit) << "\n  features  "
            << found.probe_images << " probe images, " << found.threads
            << (found.threads == 1 ? " thread: " : " threads: ");
  if (found.same_bits)
    std::cout << "the same to the bit\n";
  else
    std::cout << "the same within " << found.largest_difference << " of the largest, at most "
              << kProbeTolerance << " allowed\n";
}

// The device with the options of the run, so that its bits can come again; another kind as it is.
std::unique_ptr<Backend> open_as_trained(const std::string& checkpoint, const std::string& device) {
  const Config config = config_of(read_checkpoint(checkpoint));
  const bool same_kind =
      parse_device_name(device).backend == parse_device_name(config.train.device).backend;
  return same_kind ? open_backend(device, backend_options(config.train)) : open_backend(device);
}

}  // namespace

int run_verify(const VerifyRunOptions& options) {
  const std::string newest = find_checkpoint(options.run);
  const bool directory = std::filesystem::is_directory(options.run);
  const std::vector<std::string> paths =
      directory ? list_checkpoints(options.run) : std::vector<std::string>{newest};
  const std::unique_ptr<Backend> backend = open_as_trained(newest, options.device);
  for (const std::string& path : paths)
    print(path, verify_checkpoint(path, *backend, options.threads));
  return 0;
}

}  // namespace amcl
