// For a set that is not in the memory of the device that trains, because it is too large or made of
// files: workers make the views on the host, in a ring of pinned memory, and a batch is uploaded
// while the device works on the one before. The host waits for the device only if that is two steps
// behind, the device for the host only if the ring is empty.
//
// What crosses PCIe are finished views in f32: 1.2 MB a pair at 224 px, 22 us at 55 GB/s (PCIe 5.0
// x16), so 2 ms where 16 cores take 75 ms to decode and augment 256 pairs (4.7 ms each on one core,
// half of it decoding: tools/bench/results). Crops in u8 would be 0.4 MB and leave the other half
// to the GPU; they have no bound (photographs of 12 megapixels give 20 MB), and resized ones in u8
// would no longer be the views of the other devices.
#include <array>
#include <utility>

#include "data/views/made_batches.h"
#include "engine/core/whole_pages.h"

namespace amcl {
namespace {

class StreamedViews final : public ViewSource {
 public:
  StreamedViews(const ViewSetup& setup, Backend& maker)
      : setup_(setup),
        ring_(make_ring(maker)),
        images_(empty_on(setup_.backend)),
        batches_(setup_, maker, kBatchesAhead, [this](int64_t number) {
          return ring_[static_cast<size_t>(number % kBatchesPinned)].images;
        }) {}

  void start(int64_t epoch, int64_t step) override {
    if (next_) {
      stage_of(number_).upload->acquire();
      stage_of(number_).upload->release();
    }
    for (const Stage& stage : stages_) stage.upload->wait();
    next_.reset();
    number_ = epoch * setup_.steps_per_epoch() + step;
    batches_.start(number_);
  }

  std::vector<int64_t> prepare() override {
    std::shared_ptr<MadeBatch> batch = std::exchange(next_, nullptr);
    Stage& stage = stage_of(number_);
    if (!batch) {
      stage.upload->wait();
      batch = upload(batches_.take());
    }
    stage.upload->acquire();
    // Always to the same place, for steps that are recorded: 0.2 ms for 256 pairs at 224 px.
    setup_.backend.copy(images_.raw(), stage.images.raw(), images_.bytes());
    stage.upload->release();
    ++number_;
    if (stage_of(number_).upload->done())
      if (std::shared_ptr<MadeBatch> made = batches_.take_if_ready()) next_ = upload(made);
    return std::move(batch->samples);
  }

  Tensor views() override { return images_; }

 private:
  struct Slot {
    Tensor images;  // on the host
    std::shared_ptr<void> pin;
  };
  struct Stage {
    Tensor images;  // on the device
    std::unique_ptr<Upload> upload;
  };

  Tensor empty_on(Device& device) const {
    return Tensor::empty(device, setup_.views_shape(), DType::f32);
  }
  Tensor empty_in_pages(Device& host) const {
    constexpr auto kElement = sizeof(float);
    const Shape shape = setup_.views_shape();
    const size_t bytes = static_cast<size_t>(shape.count()) * kElement;
    const Tensor block = Tensor::empty(
        host, {static_cast<int64_t>(with_page_to_spare(bytes) / kElement)}, DType::f32);
    const auto first = static_cast<int64_t>(bytes_to_page(block.raw()) / kElement);
    return block.slice(first, first + shape.count()).view(shape);
  }
  std::array<Slot, kBatchesPinned> make_ring(Device& host) const {
    std::array<Slot, kBatchesPinned> ring;
    for (Slot& slot : ring) {
      slot.images = empty_in_pages(host);
      slot.pin = setup_.backend.pin(slot.images.raw(), slot.images.bytes());
    }
    return ring;
  }
  std::array<Stage, kBatchesStaged> make_stages() const {
    std::array<Stage, kBatchesStaged> stages;
    for (Stage& stage : stages) stage = {empty_on(setup_.backend), setup_.backend.open_upload()};
    return stages;
  }

  Stage& stage_of(int64_t number) { return stages_[static_cast<size_t>(number % kBatchesStaged)]; }

  std::shared_ptr<MadeBatch> upload(std::shared_ptr<MadeBatch> batch) {
    Stage& stage = stage_of(batch->number);
    stage.upload->start(stage.images.raw(), batch->images.raw(), stage.images.bytes());
    return batch;
  }

  const ViewSetup setup_;
  std::array<Slot, kBatchesPinned> ring_;
  std::array<Stage, kBatchesStaged> stages_ =
      make_stages();                 // after the ring: uploads end before it goes
  Tensor images_;                    // of the step
  int64_t number_ = 0;               // of the next batch
  std::shared_ptr<MadeBatch> next_;  // that batch, if it is under way already
  MadeBatches batches_;              // last: its threads use the others
};

}  // namespace

std::unique_ptr<ViewSource> streamed_views(const ViewSetup& setup, Backend& maker) {
  return std::make_unique<StreamedViews>(setup, maker);
}

}  // namespace amcl
