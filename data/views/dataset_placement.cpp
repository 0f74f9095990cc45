#include "data/views/dataset_placement.h"

#include <utility>

#include "data/image_reader.h"

namespace amcl {
namespace {

enum class Placement { host, device, streamed };

Placement placement_of(const Dataset& dataset, Backend& backend) {
  if (!backend.free_memory()) return Placement::host;
  return dataset.host != nullptr || !dataset.in_memory() ? Placement::streamed : Placement::device;
}

// All images u8 [n, H, W, 3] of files of one size, read on `host` into the memory of `device`.
// Those of bad images stay as they are.
Tensor read_to(Device& device, const Dataset& dataset, Backend& host) {
  const auto [height, width] = dataset.image_extent();
  Tensor result = Tensor::empty(device, {dataset.count(), height, width, 3}, DType::u8);
  ImageReader reader(host, dataset);
  for (int64_t index = 0; index < dataset.count(); ++index) {
    if (!reader.read(index, whole_image)) continue;
    Tensor image = result.slice(index, index + 1);
    if (reader.pixels().shape() != image.shape())
      fail(ErrorKind::data, dataset.files->place(index), ": is ", reader.box().height, " x ",
           reader.box().width, " pixels in a set of ", height, " x ", width);
    device.copy_from_host(image.raw(), reader.pixels().raw(), image.bytes());
  }
  if (dataset.bad_images->count() == dataset.count())
    fail(ErrorKind::data, dataset.name, ": not one of its ", dataset.count(),
         " images can be read");
  return result;
}

int64_t batch_bytes(const ViewSetup& setup) {
  return setup.views_shape().count() * static_cast<int64_t>(size_of(DType::f32));
}

}  // namespace

Tensor upload_to(Device& device, const Tensor& on_host) {
  Tensor result = Tensor::empty(device, on_host.shape(), on_host.dtype());
  device.copy_from_host(result.raw(), on_host.raw(), result.bytes());
  return result;
}

Dataset place_dataset(Dataset dataset, Backend& device, Backend& host) {
  const auto free = static_cast<double>(device.free_memory().value_or(0));
  const auto [height, width] = dataset.image_extent();  // zeros for files of several sizes
  const int64_t bytes = dataset.count() * height * width * 3 + epochs_bytes(dataset.count());
  if (height == 0 || static_cast<double>(bytes) > kResidentShare * free)
    dataset.host = &host;
  else if (dataset.in_memory())
    dataset.images = upload_to(device, dataset.images);
  else
    dataset.images = read_to(device, dataset, host);
  return dataset;
}

std::string describe_placement(const Dataset& dataset, Backend& backend) {
  const Placement placement = placement_of(dataset, backend);
  if (placement == Placement::device) return "in device memory";
  std::string text = dataset.in_memory() ? "in memory" : "in files";
  if (placement == Placement::streamed) text += ", views through pinned memory";
  return text;
}

std::unique_ptr<ViewSource> open_view_source(const ViewSetup& setup) {
  switch (placement_of(setup.dataset, setup.backend)) {
    case Placement::host:
      return host_views(setup);
    case Placement::device:
      return resident_views(setup);
    case Placement::streamed:
      AMCL_CHECK(setup.dataset.host != nullptr, "loader: ", setup.dataset.name,
                 " is not in the memory of device ", setup.backend.name(),
                 ", and no host is named that makes its views");
      return streamed_views(setup, *setup.dataset.host);
  }
  return nullptr;
}

int64_t bytes_ahead(const ViewSetup& setup) {
  const int64_t batch = batch_bytes(setup);
  switch (placement_of(setup.dataset, setup.backend)) {
    case Placement::host:
      return setup.options.workers > 0 ? kBatchesAhead * batch : 0;
    case Placement::device:
      return epochs_bytes(setup.dataset.count(), setup.options.views);
    case Placement::streamed:
      return kBatchesStaged * batch;
  }
  return 0;
}

int64_t pinned_bytes(const ViewSetup& setup) {
  switch (placement_of(setup.dataset, setup.backend)) {
    case Placement::host:
      return 0;
    case Placement::device:
      return kEpochsDrawn * epochs_bytes(setup.dataset.count(), setup.options.views) / kEpochsHeld;
    case Placement::streamed:
      return kBatchesPinned * batch_bytes(setup);
  }
  return 0;
}

}  // namespace amcl
