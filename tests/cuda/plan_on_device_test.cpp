// The plan of a run on a device with a memory of its own, which the emulated GPU has.
#include <doctest/doctest.h>

#include "data/views/dataset_placement.h"
#include "engine/backend/open.h"
#include "tests/support/cuda_emulation/emulated_backend.h"
#include "tests/train/tiny_training.h"
#include "train/run/memory_advice.h"
#include "train/run/plan.h"

namespace amcl {
namespace {

constexpr int64_t kImages = 20;
constexpr int64_t kSide = 8;
constexpr int64_t kFree = int64_t{1} << 30;

int64_t on_the_device(const Plan& plan) {
  return plan.parameter_bytes + plan.gradient_bytes + plan.optimizer_bytes + plan.buffer_bytes +
         plan.dataset_bytes + plan.step_bytes + plan.evaluation_bytes + plan.loader_bytes;
}

TEST_CASE("plan: the memory of a device is told apart from the host's, pinned memory by itself") {
  emulation::EmulatedBackend device(/*order=*/0, emulation::Memory::pooled, kFree);
  const auto host = open_backend("cpu");
  Dataset dataset = test::random_dataset(device, kImages, kSide);
  const Config config = test::tiny_config();
  const Plan resident = make_plan(device, dataset, config);
  CHECK(resident.peak_bytes() == on_the_device(resident));
  CHECK(resident.loader_bytes == epochs_bytes(kImages));
  CHECK(resident.pinned_bytes == epochs_bytes(kImages) / kEpochsHeld * kEpochsDrawn);
  CHECK(resident.program_bytes > 0);
  const std::string text = describe(resident);
  CHECK(text.find("memory of the host beside it, MiB\n  checkpoint") != std::string::npos);
  CHECK(text.find("  pinned  ") > text.find("expected peak"));

  dataset = test::random_dataset(*host, kImages, kSide);
  dataset.host = host.get();
  const Plan away = make_plan(device, dataset, config);
  const int64_t batch = 2 * config.train.batch * kSide * kSide * 3 * int64_t{sizeof(float)};
  CHECK(away.loader_bytes == kBatchesStaged * batch);
  CHECK(away.pinned_bytes == kBatchesPinned * batch);
}

TEST_CASE("memory advice: the room of a device is what is free and what the run has") {
  emulation::EmulatedBackend device(/*order=*/0, emulation::Memory::pooled, kFree);
  const Tensor held = Tensor::zeros(device, Shape{1 << 20}, DType::f32);
  CHECK(memory_room(device) == kFree + device.allocator().use().in_use);
  const Dataset dataset = test::random_dataset(device, kImages, kSide);
  Config config = test::tiny_config();
  config.train.batch = 16;
  CHECK(memory_advice(device, dataset, config, nullptr, memory_room(device)) ==
        "at most --batch 14 fits, or --batch 16 with --micro-batch 8");
}

}  // namespace
}  // namespace amcl
