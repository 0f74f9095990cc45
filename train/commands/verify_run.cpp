#include "train/commands/verify_run.h"

#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <vector>

#include "engine/backend/device_name.h"
#include "engine/backend/open.h"
#include "train/assembly/training_backend.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/run_files.h"
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

std::vector<std::string> checkpoints_of(const std::string& run) {
  std::error_code unreachable;
  if (!std::filesystem::is_directory(run, unreachable)) return {run};
  std::vector<std::string> paths = list_checkpoints(run);
  if (paths.empty()) fail(ErrorKind::missing, "run directory ", run, " holds no checkpoint");
  return paths;
}

}  // namespace

int run_verify(const VerifyRunOptions& options) {
  const std::vector<std::string> paths = checkpoints_of(options.run);
  std::unique_ptr<Backend> backend;
  std::optional<Error> first;
  size_t damaged = 0;
  for (const std::string& path : paths) {
    try {
      // Those of one run have one configuration.
      if (!backend) backend = open_as_trained(path, options.device);
      print(path, verify_checkpoint(path, *backend, options.threads));
    } catch (const Error& error) {
      const bool of_file = error.kind() == ErrorKind::data || error.kind() == ErrorKind::io;
      if (!of_file || paths.size() == 1) throw;
      std::cout << printable(error.what()) << '\n';
      if (damaged++ == 0) first = error;
    }
  }
  if (damaged == 0) return 0;
  fail(first->kind(), damaged, " of the ", paths.size(), " checkpoints of ", options.run,
       damaged == 1 ? " is" : " are", " damaged: ", first->what());
}

}  // namespace amcl
