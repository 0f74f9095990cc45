// How amcl data info and verify print what a set holds.
#pragma once
#include <nlohmann/json.hpp>
#include <ostream>

#include "data/sources/dataset_check.h"

namespace amcl {

// Name, layout, classes, and for each part images, extents, labels, mean and deviation.
nlohmann::ordered_json record_of(const DatasetSummary& summary);
// The same for people; extents of a sample are said to be that.
void print_summary(std::ostream& out, const std::string& source, const DatasetSummary& summary);
// One JSON object; file names in it need not be UTF-8, what is not becomes a replacement character.
void print_record(std::ostream& out, const nlohmann::ordered_json& record);

}  // namespace amcl
