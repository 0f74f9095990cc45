// A stream of the emulated GPU: work is done when it is given or, while the stream records, kept with
// its arguments by value, as the graph of a GPU keeps it.
#pragma once
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace amcl::emulation {

struct Stream {
  uint64_t order = 0;  // of blocks and threads, Launch::order in grid.h
  std::vector<std::function<void()>>* nullable_recording = nullptr;

  template <class Work>
  void give(Work work) {
    if (nullable_recording != nullptr)
      nullable_recording->push_back(std::move(work));
    else
      work();
  }
};

}  // namespace amcl::emulation
