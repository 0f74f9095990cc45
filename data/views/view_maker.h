// The random views of samples, for one thread: of images in memory, or of files, each of which is
// read and decoded once for all of its views.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/image_reader.h"
#include "data/views/augment_policy.h"
#include "engine/backend/backend.h"

namespace amcl {

class ViewMaker {
 public:
  // All but `seed` must outlive the maker.
  ViewMaker(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy, uint64_t seed);

  // rows[v] [samples, h, w, 3] f32 receives view v of the samples: a function of (seed, epoch,
  // sample, v) alone. Returns the places in `samples` of images that cannot be read, where those
  // are skipped; their rows are left as they were. Otherwise throws as BadImages::add.
  [[nodiscard]] std::vector<int64_t> make(uint32_t epoch, std::span<const int64_t> samples,
                                          std::span<Tensor> rows);

 private:
  void make_of_memory(uint32_t epoch, std::span<const int64_t> samples, std::span<Tensor> rows);
  bool make_of_file(uint32_t epoch, int64_t sample, int64_t row, std::span<Tensor> rows);

  Backend& backend_;
  const Dataset& dataset_;
  const AugmentPolicy& policy_;
  uint64_t seed_;
  ImageReader reader_;
  std::vector<ViewParameters> views_;
};

// The part of the image that the views need, and how far it may be reduced so that no crop becomes
// smaller than `view`.
ImageRequest request_for(std::span<const ViewParameters> views, ImageExtent view, bool reduce);

// The view of an image of which only `box`, in the image divided by `reduction`, is there.
ViewParameters moved_to(const ViewParameters& view, const ImageBox& box, int64_t reduction);

}  // namespace amcl
