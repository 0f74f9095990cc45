// Batches get their memory from the device's allocator, which keeps the blocks of used batches.
#include "data/views/made_batches.h"

namespace amcl {
namespace {

class HostViews final : public ViewSource {
 public:
  explicit HostViews(const ViewSetup& setup)
      : setup_(setup), batches_(setup_, setup_.backend, kBatchesAhead, [this](int64_t) {
          return Tensor::empty(setup_.backend, setup_.views_shape(), DType::f32);
        }) {}

  void start(int64_t epoch, int64_t step) override {
    batches_.start(epoch * setup_.steps_per_epoch() + step);
  }
  std::vector<int64_t> prepare() override {
    batch_ = batches_.take();
    return batch_->samples;
  }
  Tensor views() override { return std::move(batch_->images); }
  bool can_be_recorded() const override { return false; }

 private:
  const ViewSetup setup_;
  std::shared_ptr<MadeBatch> batch_;
  MadeBatches batches_;
};

}  // namespace

std::unique_ptr<ViewSource> host_views(const ViewSetup& setup) {
  return std::make_unique<HostViews>(setup);
}

}  // namespace amcl
