// For a set in the memory of a device that is not the host's: the device makes the views itself,
// from the images there and from what the host drew. Of each step the host does nothing but say
// which samples it has; all parameters of an epoch are drawn by the workers during the one before
// and uploaded while the device works. On the device there is room for two epochs, used in turn,
// and the step's number in that room, which the kernel that makes the views counts on by itself.
//
// Bytes for CIFAR (50,000 images, 97 steps of 512 pairs): 8 MB an epoch over PCIe, where views in
// f32 would be 1.2 GB.
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "data/views/sampler.h"
#include "data/views/view_source.h"
#include "data/views/work_ahead.h"
#include "engine/core/check.h"
#include "engine/core/whole_pages.h"

namespace amcl {
namespace {

constexpr int64_t kSamplesPerTask = 512;
constexpr int64_t kEpochsAhead = 1;

struct DrawnEpoch {
  int64_t epoch = 0;
  std::vector<int64_t> samples;     // whole batches, in their order
  std::span<ViewParameters> views;  // [steps, V, N]

  int64_t parts() const { return std::ssize(samples); }
};

class ResidentViews final : public ViewSource {
 public:
  explicit ResidentViews(const ViewSetup& setup)
      : setup_(setup),
        views_(Tensor::empty(setup_.backend,
                             {kEpochsHeld * steps(), setup_.options.views * setup_.options.batch,
                              static_cast<int64_t>(sizeof(ViewParameters))},
                             DType::u8)),
        step_on_device_(Tensor::zeros(setup_.backend, {1}, DType::i32)),
        work_(
            {.workers = setup_.options.workers,
             .ahead = kEpochsAhead,
             .parts_per_task = kSamplesPerTask},
            [this](int64_t epoch) { return plan(epoch); },
            [this]() -> WorkAhead<DrawnEpoch>::Make {
              return [this](DrawnEpoch& drawn, int64_t begin, int64_t end) {
                draw(drawn, begin, end);
              };
            }) {}

  void start(int64_t epoch, int64_t step) override {
    if (current_) upload_of(epoch_).release();
    if (next_) {
      upload_of(epoch_ + 1).acquire();
      upload_of(epoch_ + 1).release();
    }
    for (const std::unique_ptr<Upload>& upload : uploads_) upload->wait();
    current_.reset();
    next_.reset();
    epoch_ = epoch;
    step_ = step;
    const auto on_device = static_cast<int32_t>(epoch % kEpochsHeld * steps() + step);
    setup_.backend.copy_from_host(step_on_device_.raw(), &on_device, sizeof(on_device));
    work_.start(epoch);
  }

  std::vector<int64_t> prepare() override {
    if (step_ == steps()) {
      upload_of(epoch_).release();
      current_.reset();
      ++epoch_;
      step_ = 0;
    }
    if (!current_) enter_epoch();
    if (!next_ && upload_of(epoch_ + 1).done())
      if (std::shared_ptr<DrawnEpoch> drawn = work_.take_if_ready()) next_ = upload(drawn);
    const auto first = current_->samples.begin() + step_ * setup_.options.batch;
    ++step_;
    return {first, first + setup_.options.batch};
  }

  Tensor views() override {
    Tensor images = Tensor::empty(setup_.backend, setup_.views_shape(), DType::f32);
    setup_.backend.augment_next(setup_.dataset.images, views_, setup_.dataset.normalization,
                                step_on_device_, images);
    return images;
  }

 private:
  // What an epoch has on the host: fixed in place, and free to be written when its turn comes.
  struct Room {
    std::vector<std::byte> block;
    std::span<ViewParameters> views;  // in pages of their own
    std::shared_ptr<void> pin;
  };

  int64_t steps() const { return setup_.steps_per_epoch(); }
  Upload& upload_of(int64_t epoch) { return *uploads_[static_cast<size_t>(epoch % kEpochsHeld)]; }

  std::shared_ptr<DrawnEpoch> plan(int64_t epoch) {
    auto drawn = std::make_shared<DrawnEpoch>();
    drawn->epoch = epoch;
    drawn->samples =
        epoch_order(setup_.options.seed, static_cast<uint32_t>(epoch), setup_.dataset.count());
    drawn->samples.resize(static_cast<size_t>(steps() * setup_.options.batch));
    if (setup_.dataset.bad_images->count() > 0) replace_bad(*drawn);
    drawn->views = rooms_[static_cast<size_t>(epoch % kEpochsDrawn)].views;
    return drawn;
  }

  // As where the images stay in files; which are bad was found when they came to the device.
  void replace_bad(DrawnEpoch& drawn) const {
    const BadImages& known = *setup_.dataset.bad_images;
    const auto batch = static_cast<size_t>(setup_.options.batch);
    for (size_t begin = 0; begin < drawn.samples.size(); begin += batch) {
      const std::span<int64_t> samples = std::span(drawn.samples).subspan(begin, batch);
      std::vector<int64_t> bad;
      for (int64_t place = 0; place < std::ssize(samples); ++place)
        if (known.holds(samples[static_cast<size_t>(place)])) bad.push_back(place);
      replace_bad_images(samples, bad, setup_.options.seed, static_cast<uint32_t>(drawn.epoch),
                         setup_.dataset.count(),
                         [&](int64_t, int64_t image) { return !known.holds(image); });
    }
  }

  // The views of the samples [begin, end) of the epoch.
  void draw(DrawnEpoch& drawn, int64_t begin, int64_t end) const {
    const int64_t batch = setup_.options.batch;
    const ImageExtent image = setup_.dataset.image_extent();
    for (int64_t i = begin; i < end; ++i)
      for (int64_t view = 0; view < setup_.options.views; ++view) {
        const int64_t place = (i / batch * setup_.options.views + view) * batch + i % batch;
        drawn.views[static_cast<size_t>(place)] =
            setup_.policy.draw(setup_.options.seed, static_cast<uint32_t>(drawn.epoch),
                               drawn.samples[static_cast<size_t>(i)], static_cast<uint32_t>(view),
                               image.height, image.width);
      }
  }

  // Waits, where the parameters of the epoch are not on the device yet, until they are drawn.
  void enter_epoch() {
    current_ = std::exchange(next_, nullptr);
    if (!current_) {
      upload_of(epoch_).wait();
      current_ = upload(work_.take());
    }
    upload_of(epoch_).acquire();
  }

  std::shared_ptr<DrawnEpoch> upload(std::shared_ptr<DrawnEpoch> drawn) {
    const int64_t first = drawn->epoch % kEpochsHeld * steps();
    Tensor place = views_.slice(first, first + steps());
    upload_of(drawn->epoch).start(place.raw(), drawn->views.data(), place.bytes());
    return drawn;
  }

  std::array<Room, kEpochsDrawn> make_rooms() {
    std::array<Room, kEpochsDrawn> rooms;
    const auto count = static_cast<size_t>(steps() * setup_.options.views * setup_.options.batch);
    const size_t bytes = count * sizeof(ViewParameters);
    for (Room& room : rooms) {
      room.block.resize(with_page_to_spare(bytes));
      void* first = room.block.data() + bytes_to_page(room.block.data());
      room.views = {static_cast<ViewParameters*>(first), count};
      room.pin = setup_.backend.pin(first, bytes);
    }
    return rooms;
  }

  const ViewSetup setup_;
  std::array<Room, kEpochsDrawn> rooms_ = make_rooms();
  Tensor views_;           // u8 [kEpochsHeld * steps, 2N, sizeof(ViewParameters)]
  Tensor step_on_device_;  // i32 [1], of views_
  // After what they copy from and to, so that they end before it.
  std::array<std::unique_ptr<Upload>, kEpochsHeld> uploads_ = {setup_.backend.open_upload(),
                                                               setup_.backend.open_upload()};
  int64_t epoch_ = 0;  // of the next step
  int64_t step_ = 0;
  std::shared_ptr<DrawnEpoch> current_;  // that of epoch_, acquired; none: not entered yet
  std::shared_ptr<DrawnEpoch> next_;     // that of epoch_ + 1, under way; none: not drawn yet
  WorkAhead<DrawnEpoch> work_;           // last: its threads use the others
};

}  // namespace

std::unique_ptr<ViewSource> resident_views(const ViewSetup& setup) {
  return std::make_unique<ResidentViews>(setup);
}

}  // namespace amcl
