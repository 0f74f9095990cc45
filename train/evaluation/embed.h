// What is compared in an evaluation: one row of numbers per image.
#pragma once
#include <functional>
#include <span>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "models/methods/method.h"

namespace amcl {

// Called between batches; what it throws ends the work.
using BetweenBatches = std::function<void()>;

// Images that go through the encoder at once, unless fewer are asked for.
inline constexpr int64_t kEmbeddedAtOnce = 256;

// The same for the views of a set: fewer of large ones.
int64_t embedded_at_once(const Dataset& dataset);

// Backbone features [n, D] f32 of all images, not augmented, normalised with the set's constants,
// by running batch norm statistics. Throws Error(numeric) if one is not finite.
Tensor backbone_features(
    Method& method, Backend& backend, const Dataset& dataset, int64_t at_once = kEmbeddedAtOnce,
    const BetweenBatches& between = [] {});

// The same of the images named, in that order.
Tensor backbone_features(
    Method& method, Backend& backend, const Dataset& dataset, std::span<const int64_t> images,
    int64_t at_once = kEmbeddedAtOnce, const BetweenBatches& between = [] {});

// The normalised pixels themselves, [n, H * W * 3] f32.
Tensor pixel_features(Backend& backend, const Dataset& dataset);

}  // namespace amcl
