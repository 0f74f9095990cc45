#include "train/run/memory_advice.h"

#include <algorithm>
#include <vector>

#include "engine/core/host_memory.h"
#include "train/run/plan.h"

namespace amcl {
namespace {

// Of the room: the sizes that the allocator rounds to make steps of the line.
constexpr double kUsable = 0.9;
// Percent of the batch that did not fit: whatever a plan says, a few pairs less do not help.
constexpr int64_t kLess = 10;

Config with_batch(const Config& config, int64_t pairs) {
  Config smaller = config;
  smaller.train.batch = pairs;
  smaller.train.micro_batch = 0;
  return smaller;
}

Config with_micro_batch(const Config& config, int64_t pairs) {
  Config smaller = config;
  smaller.train.micro_batch = pairs;
  return smaller;
}

// Ascending, below `limit`: what the method can have.
template <class Change>
std::vector<int64_t> possible_below(int64_t limit, const Config& config, const Change& change) {
  std::vector<int64_t> result;
  for (int64_t pairs = 2; pairs < limit; ++pairs)
    if (!first_complaint(change(config, pairs))) result.push_back(pairs);
  return result;
}

}  // namespace

MemoryLine MemoryLine::through(int64_t pairs, int64_t bytes, int64_t other_pairs,
                               int64_t other_bytes) {
  if (pairs == other_pairs) return {static_cast<double>(bytes), 0.0};
  const double slope =
      static_cast<double>(bytes - other_bytes) / static_cast<double>(pairs - other_pairs);
  return {static_cast<double>(bytes) - slope * static_cast<double>(pairs), slope};
}

int64_t MemoryLine::largest_of(std::span<const int64_t> choices, double room) const {
  int64_t found = 0;
  for (const int64_t pairs : choices)
    if (at_zero + per_pair * static_cast<double>(pairs) <= room) found = pairs;
  return found;
}

std::string memory_advice(Backend& backend, const Dataset& dataset, const Config& config,
                          const Dataset* test, int64_t room) {
  const double usable = kUsable * static_cast<double>(room);
  const auto bytes = [&](const Config& smaller) {
    return make_plan(backend, dataset, smaller, test).run_bytes();
  };
  const int64_t batch = config.train.batch;
  const int64_t micro_batch = config.train.micro_batch;
  const bool in_parts = micro_batch > 0 && micro_batch < batch;

  const std::vector<int64_t> batches = possible_below(batch + 1, config, with_batch);
  const int64_t large = batches.back();
  const int64_t small = batches[batches.size() / 2];
  const MemoryLine whole = MemoryLine::through(large, bytes(with_batch(config, large)), small,
                                               bytes(with_batch(config, small)));
  // A part takes of the encoder what a batch of its size does; what the whole batch takes besides,
  // for images, projections and loss, shows in a small part.
  const std::vector<int64_t> parts =
      possible_below(in_parts ? micro_batch : batch, config, with_micro_batch);
  int64_t part = 0;
  if (!parts.empty()) {
    const int64_t least = parts[std::min<size_t>(parts.size() - 1, 2)];
    MemoryLine line = whole;
    line.at_zero = static_cast<double>(bytes(with_micro_batch(config, least))) -
                   line.per_pair * static_cast<double>(least);
    part = line.largest_of(parts, usable);
  }
  const int64_t most =
      in_parts ? 0
               : whole.largest_of(possible_below(batch - batch * kLess / 100, config, with_batch),
                                  usable);
  if (most == 0 && part == 0)
    return "no smaller batch fits either; a smaller --width or --size needs less";
  if (most == 0) return concat_text("at most --micro-batch ", part, " fits");
  std::string text = concat_text("at most --batch ", most, " fits");
  if (part > 0) text += concat_text(", or --batch ", batch, " with --micro-batch ", part);
  return text;
}

int64_t memory_room(Backend& backend) {
  if (const std::optional<int64_t> free = backend.free_memory())
    return *free + backend.allocator().use().in_use;
  return free_host_bytes() + backend.allocator().use().reserved;
}

}  // namespace amcl
