// Test images beside their nearest neighbours, to see at a glance what the features find similar.
#pragma once
#include <vector>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/evaluation/knn.h"
#include "train/pictures/png.h"

namespace amcl {

// Test images to show: one of each class in turn, in the order of the set, `count` at most.
std::vector<int64_t> pick_queries(const Dataset& test, int64_t count);

// A row per query: the query, then its nearest images of the bank (ten at most), framed in green
// where they are of the query's class and in orange where they are not.
RgbImage draw_neighbours(Backend& backend, const Dataset& test, const Dataset& bank,
                         const KnnResult& result, const std::vector<int64_t>& queries);

}  // namespace amcl
