#include "data/dataset_home.h"

#include <utility>

namespace amcl {
namespace {

enum class Home { host, device, away };

Home home_of(const Dataset& dataset, Backend& backend) {
  if (!backend.free_memory()) return Home::host;
  return dataset.host != nullptr || dataset.files ? Home::away : Home::device;
}

}  // namespace

Tensor upload_to(Device& device, const Tensor& on_host) {
  Tensor result = Tensor::empty(device, on_host.shape(), on_host.dtype());
  device.copy_from_host(result.raw(), on_host.raw(), result.bytes());
  return result;
}

Dataset settle(Dataset dataset, Backend& device, Backend& host) {
  const auto free = static_cast<double>(device.free_memory().value_or(0));
  const bool fits = !dataset.files && static_cast<double>(dataset.images.bytes()) +
                                              static_cast<double>(epochs_bytes(dataset.count())) <=
                                          kResidentShare * free;
  if (fits)
    dataset.images = upload_to(device, dataset.images);
  else
    dataset.host = &host;
  return dataset;
}

std::string describe_home(const Dataset& dataset, Backend& backend) {
  const Home home = home_of(dataset, backend);
  if (home == Home::device) return "in device memory";
  std::string text = dataset.files ? "in files" : "in memory";
  if (home == Home::away) text += ", views through pinned memory";
  return text;
}

std::unique_ptr<ViewSource> open_view_source(const ViewSetup& setup) {
  switch (home_of(setup.dataset, setup.backend)) {
    case Home::host:
      return host_views(setup);
    case Home::device:
      return resident_views(setup);
    case Home::away:
      AMCL_CHECK(setup.dataset.host != nullptr, "loader: ", setup.dataset.name,
                 " is not in the memory of device ", setup.backend.name(),
                 ", and no host is named that makes its views");
      return streamed_views(setup, *setup.dataset.host);
  }
  return nullptr;
}

int64_t bytes_ahead(const ViewSetup& setup) {
  const int64_t batch = setup.views_shape().count() * static_cast<int64_t>(size_of(DType::f32));
  switch (home_of(setup.dataset, setup.backend)) {
    case Home::host:
      return setup.options.workers > 0 ? kBatchesAhead * batch : 0;
    case Home::device:
      return epochs_bytes(setup.dataset.count());
    case Home::away:
      return kBatchesStaged * batch;
  }
  return 0;
}

}  // namespace amcl
