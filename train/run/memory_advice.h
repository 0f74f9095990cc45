// What would fit where memory has run out: the plan of a run (plan.h) grows in a straight line with
// the pairs that go through the encoder at once, so two plans give the most of them.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "data/dataset.h"
#include "engine/backend/backend.h"
#include "train/config/config.h"

namespace amcl {

// Bytes of a number of pairs.
struct MemoryLine {
  double at_zero = 0.0;
  double per_pair = 0.0;

  // Through two points; level with one.
  static MemoryLine through(int64_t pairs, int64_t bytes, int64_t other_pairs, int64_t other_bytes);
  // The largest of `choices`, ascending, whose bytes are at most `room`; 0 if there is none.
  int64_t largest_of(std::span<const int64_t> choices, double room) const;
};

// "at most --batch 96 fits, or --batch 512 with --micro-batch 64", for a run that `config`
// describes and that found too little memory; where it has micro-batches, a smaller one. `room`:
// bytes that the run may have beside the program, the data set included. `test` as in make_plan,
// which it calls three times, with small steps. Throws OutOfMemory where even these do not fit.
std::string memory_advice(Backend& backend, const Dataset& dataset, const Config& config,
                          const Dataset* test, int64_t room);

// The room of a run on `backend`, as it is now.
int64_t memory_room(Backend& backend);

}  // namespace amcl
