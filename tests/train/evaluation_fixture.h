// A small labelled data set and a run that has just begun, both on disk.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "data/sources/open_dataset.h"
#include "engine/backend/open.h"
#include "engine/core/philox.h"
#include "tests/io/scratch_directory.h"
#include "tests/train/tiny_training.h"
#include "train/evaluation/evaluation.h"
#include "train/run/trainer.h"

namespace amcl::test {

inline constexpr int64_t kClasses = 4;
inline constexpr int64_t kTrainImages = 60;
inline constexpr int64_t kTestImages = 40;

// A file of CIFAR-10's form: noise whose brightness tells the class, more or less.
inline void write_cifar(const std::string& path, int64_t count, uint64_t seed) {
  constexpr int64_t kPixels = 3072;
  RandomStream random(seed, RandomPurpose::synthetic, 0, 0, 0);
  std::string content;
  for (int64_t image = 0; image < count; ++image) {
    const auto label = static_cast<uint32_t>(image % kClasses);
    const uint32_t brightness = 40 * label + random.below(60);
    content += static_cast<char>(label);
    for (int64_t i = 0; i < kPixels; ++i)
      content += static_cast<char>(brightness + random.below(40));
  }
  write_text(path, content);
}

class EvaluationFixture {
 protected:
  EvaluationFixture() { save(trainer_.checkpoint()); }

  std::string make_data() const {
    write_cifar(directory_.file("data_batch_1.bin"), kTrainImages, 1);
    write_cifar(directory_.file("test_batch.bin"), kTestImages, 2);
    return directory_.path();
  }
  Config config() const {
    Config config = tiny_config();
    config.data.data = directory_.path();
    return config;
  }
  void save(const SafetensorsFile& checkpoint) { write_safetensors(path_, checkpoint, true); }
  EvaluationOptions options() const {
    EvaluationOptions options;
    options.run = path_;
    options.k = 5;
    return options;
  }

  ScratchDirectory directory_;
  std::string path_ = directory_.file("checkpoint.safetensors");
  std::unique_ptr<Backend> backend_ = open_backend("cpu");
  Dataset dataset_ = open_dataset(*backend_, make_data(), Split::train, 0, 1);
  Trainer trainer_{*backend_, dataset_, config()};
};

}  // namespace amcl::test
