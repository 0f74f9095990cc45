// A checkpoint that an earlier program wrote (goldens/format1.safetensors: format 1, before the
// encoder's metadata): 64 images of shapes10, a network of width 1, one of two epochs.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/backend/open.h"
#include "tests/io/scratch_directory.h"
#include "train/config/stored_config.h"
#include "train/evaluation/evaluation.h"
#include "train/run/training_run.h"
#include "train/run/verification.h"

namespace amcl {
namespace {

class OldCheckpoint {
 protected:
  OldCheckpoint() {
    std::filesystem::copy_file(AMCL_TRAIN_GOLDENS "/format1.safetensors", path_);
    test::write_text(directory_.file("config.toml"), read_checkpoint(path_).state.config);
  }
  EvaluationOptions options() const {
    EvaluationOptions options;
    options.run = directory_.path();
    options.k = 20;
    options.limit = 500;
    return options;
  }

  test::ScratchDirectory directory_;
  std::string path_ = directory_.file("checkpoint.safetensors");
  std::unique_ptr<Backend> backend_ = open_backend("cpu");
};

TEST_CASE_FIXTURE(OldCheckpoint, "old checkpoint: computes the features that it did") {
  CHECK(verify_checkpoint(path_, *backend_, 0).probe_images == 8);
}

TEST_CASE_FIXTURE(OldCheckpoint, "old checkpoint: evaluates to the number that it did") {
  const Evaluation found = evaluate(options(), *backend_);
  CHECK(found.preprocessing.view == ImageExtent{32, 32});
  CHECK(found.preprocessing.resize == 32);
  CHECK(found.knn_top1 == doctest::Approx(12.4).epsilon(0.05));  // of 1000 images
}

TEST_CASE_FIXTURE(OldCheckpoint,
                  "old checkpoint: sees other data in the size that it was trained in") {
  for (const char* name :
       {"data/train/a/1.ppm", "data/train/b/1.ppm", "data/val/a/1.ppm", "data/val/b/1.ppm"}) {
    const std::string file = directory_.file(name);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    test::write_text(file, "P6 48 40 255 " + std::string(48 * 40 * 3, name[11]));
  }
  EvaluationOptions other = options();
  other.data = directory_.file("data");
  other.k = 1;
  CHECK(evaluate(other, *backend_).preprocessing.view == ImageExtent{32, 32});

  Checkpoint without = read_checkpoint(path_);
  without.file.tensors.erase("probe.images");
  write_safetensors(path_, without.file, true);
  CHECK_THROWS_WITH_AS(evaluate(other, *backend_), doctest::Contains("give it with --size N"),
                       Error);
  other.size = 32;
  CHECK(evaluate(other, *backend_).preprocessing.view == ImageExtent{32, 32});
}

TEST_CASE_FIXTURE(OldCheckpoint, "old checkpoint: a run goes on from it as it would have") {
  const std::string path = directory_.file("config.toml");
  const Config config = stored_config(test::read_text(path), path);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(std::tmpfile(), std::fclose);
  CHECK(run_training(config,
                     {.resume = directory_.path(),
                      .progress = {},
                      .notes = output.get(),
                      .results = output.get()},
                     [] { return false; }) == RunEnd::finished);
  const auto summary = nlohmann::json::parse(test::read_text(directory_.file("summary.json")));
  CHECK(summary["step"] == 4);
  CHECK(summary["loss"].get<double>() == doctest::Approx(6.814020156860352).epsilon(1e-4));
  CHECK(read_checkpoint(path_).encoder.backbone == "resnet18");
}

}  // namespace
}  // namespace amcl
