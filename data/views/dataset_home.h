// Where a data set lives while a device trains on it: in the memory of that device where there is
// enough of it, else on the host, whose views are uploaded step by step.
#pragma once
#include <string>

#include "data/dataset.h"
#include "data/views/view_source.h"

namespace amcl {

// Share of the device's free memory that the images and two epochs of view parameters may take: the
// rest is for the step.
inline constexpr double kResidentShare = 0.25;

// For a device with a memory of its own: `dataset`, opened on `host`, with its images moved to the
// device, from files too, if they have one size and fit into the share of its memory that is free now;
// else they stay and `host` makes the views. `host` must outlive the result.
Dataset settle(Dataset dataset, Backend& device, Backend& host);

// A copy of `on_host`, whose memory is the host's, in the memory of `device`.
Tensor upload_to(Device& device, const Tensor& on_host);

// The backend that makes the views and evaluation images where `backend` trains.
inline Backend& maker_of_views(const Dataset& dataset, Backend& backend) {
  return dataset.host != nullptr ? *dataset.host : backend;
}

// For people: "in device memory", "in files, views through pinned memory".
std::string describe_home(const Dataset& dataset, Backend& backend);

// The source that fits to where the data set lives.
std::unique_ptr<ViewSource> open_view_source(const ViewSetup& setup);
// Bytes in the memory of the device that trains which the source keeps besides the step's own views.
int64_t bytes_ahead(const ViewSetup& setup);
// Bytes of the host's memory that it pins, to upload from.
int64_t pinned_bytes(const ViewSetup& setup);

}  // namespace amcl
