// Where the images of a set lie while a device trains on them: in the memory of that device where
// there is room, else on the host, which makes the views and uploads them step by step.
#pragma once
#include <string>

#include "data/dataset.h"
#include "data/views/view_source.h"

namespace amcl {

// Share of the device's free memory that the images and two epochs of view parameters may take: the
// rest is for the step.
inline constexpr double kResidentShare = 0.25;

// For a device with a memory of its own. Moves the images of `dataset`, opened on `host`, to the
// device, also those in files, if all have one size and fit into kResidentShare of its free memory.
// Otherwise they stay and `host`, which must outlive the result, makes the views.
Dataset place_dataset(Dataset dataset, Backend& device, Backend& host);

// A copy of `on_host`, whose memory is the host's, in the memory of `device`.
Tensor upload_to(Device& device, const Tensor& on_host);

// The backend that makes the views and evaluation images where `backend` trains.
inline Backend& maker_of_views(const Dataset& dataset, Backend& backend) {
  return dataset.host != nullptr ? *dataset.host : backend;
}

// For people: "in device memory", "in files, views through pinned memory".
std::string describe_placement(const Dataset& dataset, Backend& backend);

// The source of views for the placement of the set.
std::unique_ptr<ViewSource> open_view_source(const ViewSetup& setup);
// Bytes in the memory of the device that trains which the source keeps besides the step's own
// views.
int64_t bytes_ahead(const ViewSetup& setup);
// Bytes of the host's memory that it pins, to upload from.
int64_t pinned_bytes(const ViewSetup& setup);

}  // namespace amcl
