// "Did you mean": the closest of the known names to one that is not known.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace amcl {

// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other
// (optimal string alignment).
int64_t edit_distance(const std::string& a, const std::string& b);

// The candidate with the smallest distance (the first of several); empty if there is no candidate.
std::string nearest_name(const std::string& name, std::span<const std::string> candidates);

}  // namespace amcl
