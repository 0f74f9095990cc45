#include "tests/support/cuda_emulation/grid.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "engine/core/check.h"
#include "tests/support/cuda_emulation/fibre.h"

namespace amcl::emulation {
namespace {

enum class Wait { none, block, warp };

struct WarpRequest {
  WarpOperation operation = WarpOperation::barrier;
  unsigned mask = 0;
  uint64_t value = 0;
  unsigned source = 0;
};

struct Thread {
  Fibre fibre;
  Wait wait = Wait::none;
  WarpRequest request;
  uint64_t result = 0;
};

Extent3 index_in(const Extent3& extent, unsigned flat) {
  return {flat % extent.x, flat / extent.x % extent.y, flat / extent.x / extent.y};
}

// One launch: its threads' state for the block that runs.
class Grid {
 public:
  Grid(const Launch& launch, const std::function<void()>& body)
      : launch_(launch), body_(body), random_(launch.order), dynamic_(launch.shared_bytes) {
    here.block_extent = launch.block;
    here.grid_extent = launch.grid;
  }

  void run();

  unsigned lane() const { return running_ % kWarpThreads; }
  void block_barrier() { wait(Wait::block); }
  uint64_t exchange(const WarpRequest& request);
  void* shared_block(const void* site, size_t bytes);
  std::vector<std::byte>& dynamic() { return dynamic_; }
  std::string where() const {
    const Extent3& block = here.block_index;
    const Extent3& thread = here.thread_index;
    return concat_text("kernel ", launch_.kernel, ", block (", block.x, ", ", block.y, ", ",
                       block.z, "), thread (", thread.x, ", ", thread.y, ", ", thread.z, ")");
  }

 private:
  void run_block(std::vector<unsigned>& order);
  // Runs each of them that can run once; whether there was one.
  bool run_ready(std::span<const unsigned> members);
  bool finished() const;
  void resume(unsigned thread);
  void wait(Wait wait);
  void release_barrier();
  void permute(std::span<unsigned> order);
  // The waiting lanes of the running thread's warp that wait for the same operation.
  unsigned arrived(const WarpRequest& request) const;
  unsigned ended_lanes() const;
  uint64_t answer(unsigned warp_begin, const WarpRequest& request, unsigned lane) const;

  static std::vector<std::unique_ptr<Thread>>& threads() {
    // Kept from launch to launch: making stacks is what costs.
    thread_local std::vector<std::unique_ptr<Thread>> pool;
    return pool;
  }
  Thread& thread(unsigned index) const { return *threads()[index]; }
  unsigned block_threads() const { return launch_.block.count(); }

  const Launch& launch_;
  const std::function<void()>& body_;
  std::mt19937_64 random_;
  unsigned running_ = 0;
  std::map<const void*, std::vector<std::byte>> shared_;
  std::vector<std::byte> dynamic_;
  std::exception_ptr error_;
};

thread_local Grid* current = nullptr;

Grid& grid() {
  AMCL_CHECK(current != nullptr, "emulation: device code ran outside a launch");
  return *current;
}

void Grid::permute(std::span<unsigned> order) {
  std::iota(order.begin(), order.end(), 0u);
  if (launch_.order == 1) std::reverse(order.begin(), order.end());
  if (launch_.order > 1) std::shuffle(order.begin(), order.end(), random_);
}

void Grid::run() {
  auto& pool = threads();
  while (pool.size() < block_threads()) pool.push_back(std::make_unique<Thread>());
  std::vector<unsigned> order(block_threads());
  std::vector<unsigned> blocks(launch_.grid.count());
  permute(blocks);
  for (const unsigned block : blocks) {
    here.block_index = index_in(launch_.grid, block);
    run_block(order);
  }
}

// Lanes keep their order, warps that of their first lane.
void bring_warps_together(std::vector<unsigned>& order) {
  std::vector<unsigned> rank(order.size() / kWarpThreads + 1, ~0u);
  for (unsigned i = 0; i < order.size(); ++i) {
    unsigned& first = rank[order[i] / kWarpThreads];
    first = std::min(first, i);
  }
  std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    return rank[a / kWarpThreads] < rank[b / kWarpThreads];
  });
}

void Grid::run_block(std::vector<unsigned>& order) {
  // No block sees what another one left in shared memory: all ones is NaN in every type.
  shared_.clear();
  std::fill(dynamic_.begin(), dynamic_.end(), std::byte{0xff});
  const auto entry = [](void* argument) {
    auto* self = static_cast<Grid*>(argument);
    try {
      self->body_();
    } catch (...) {
      self->error_ = std::current_exception();
    }
  };
  for (unsigned t = 0; t < block_threads(); ++t) {
    thread(t).wait = Wait::none;
    thread(t).fibre.start(entry, this);
  }
  for (;;) {
    permute(order);
    // Half of the shuffled blocks go round all threads; else a warp runs as far as it can before
    // the next one starts, which is when a barrier between warps is missed.
    const bool fair = launch_.order > 1 && (random_() & 1) != 0;
    const unsigned group = fair ? block_threads() : kWarpThreads;
    if (!fair) bring_warps_together(order);
    bool ran = false;
    for (size_t first = 0; first < order.size();) {
      size_t end = first + 1;
      while (end < order.size() && order[end] / group == order[first] / group) ++end;
      while (run_ready(std::span(order).subspan(first, end - first))) ran = true;
      first = end;
    }
    if (finished()) return;
    if (!ran) release_barrier();
  }
}

bool Grid::run_ready(std::span<const unsigned> members) {
  bool ran = false;
  for (const unsigned t : members) {
    if (thread(t).fibre.finished() || thread(t).wait != Wait::none) continue;
    ran = true;
    resume(t);
    if (error_) std::rethrow_exception(error_);
  }
  return ran;
}

bool Grid::finished() const {
  for (unsigned t = 0; t < block_threads(); ++t)
    if (!thread(t).fibre.finished()) return false;
  return true;
}

void Grid::resume(unsigned t) {
  running_ = t;
  here.thread_index = index_in(launch_.block, t);
  thread(t).fibre.resume();
}

void Grid::wait(Wait reason) {
  Thread& self = thread(running_);
  self.wait = reason;
  self.fibre.suspend();
}

// Nobody can run: either everybody is at the barrier, or they wait for what cannot come.
void Grid::release_barrier() {
  for (unsigned t = 0; t < block_threads(); ++t) {
    here.thread_index = index_in(launch_.block, t);
    if (thread(t).fibre.finished())
      refuse("ended without the barrier at which others of its block wait");
    if (thread(t).wait == Wait::warp)
      refuse("waits in a warp operation that lanes of its mask do not reach");
  }
  for (unsigned t = 0; t < block_threads(); ++t) thread(t).wait = Wait::none;
}

unsigned Grid::ended_lanes() const {
  const unsigned first = running_ - running_ % kWarpThreads;
  unsigned lanes = 0;
  for (unsigned i = 0; i < kWarpThreads; ++i)
    if (first + i >= block_threads() || thread(first + i).fibre.finished()) lanes |= 1u << i;
  return lanes;
}

unsigned Grid::arrived(const WarpRequest& request) const {
  const unsigned first = running_ - running_ % kWarpThreads;
  unsigned lanes = 0;
  for (unsigned i = 0; i < kWarpThreads && first + i < block_threads(); ++i) {
    const Thread& other = thread(first + i);
    if (other.wait == Wait::warp && other.request.operation == request.operation &&
        other.request.mask == request.mask)
      lanes |= 1u << i;
  }
  return lanes;
}

uint64_t Grid::answer(unsigned first, const WarpRequest& request, unsigned lane) const {
  if (request.operation == WarpOperation::shuffle)
    return thread(first + thread(first + lane).request.source).request.value;
  unsigned votes = 0;
  for (unsigned i = 0; i < kWarpThreads; ++i)
    if ((request.mask >> i & 1u) != 0 && thread(first + i).request.value != 0) votes |= 1u << i;
  return votes;
}

uint64_t Grid::exchange(const WarpRequest& request) {
  Thread& self = thread(running_);
  if ((request.mask >> lane() & 1u) == 0) refuse("is not in the mask of its warp operation");
  if ((request.mask & ended_lanes()) != 0)
    refuse("names a lane in the mask of a warp operation that has ended or does not exist");
  if (request.operation == WarpOperation::shuffle && (request.mask >> request.source & 1u) == 0)
    refuse("shuffles from a lane outside the mask");
  self.request = request;
  self.wait = Wait::warp;
  if (arrived(request) != request.mask) {
    self.fibre.suspend();
    return self.result;
  }
  // The last one to arrive answers all: their values may change as soon as they go on.
  const unsigned first = running_ - lane();
  for (unsigned i = 0; i < kWarpThreads; ++i)
    if ((request.mask >> i & 1u) != 0) thread(first + i).result = answer(first, request, i);
  for (unsigned i = 0; i < kWarpThreads; ++i)
    if ((request.mask >> i & 1u) != 0) thread(first + i).wait = Wait::none;
  return self.result;
}

void* Grid::shared_block(const void* site, size_t bytes) {
  std::vector<std::byte>& block = shared_[site];
  if (block.empty()) {
    block.assign(bytes, std::byte{0xff});
    size_t total = dynamic_.size();
    for (const auto& [unused, other] : shared_) total += other.size();
    if (total > kMaxSharedBytes) refuse("needs more than 48 KiB of shared memory");
  }
  return block.data();
}

void check(const Launch& launch) {
  const Extent3& grid = launch.grid;
  const Extent3& block = launch.block;
  AMCL_CHECK(block.count() >= 1 && block.count() <= kMaxBlockThreads && block.z <= 64, "kernel ",
             launch.kernel, ": a block of ", block.x, " x ", block.y, " x ", block.z,
             " threads; CUDA has 1 to 1024");
  AMCL_CHECK(grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 0x7fffffff && grid.y <= 65535 &&
                 grid.z <= 65535,
             "kernel ", launch.kernel, ": a grid of ", grid.x, " x ", grid.y, " x ", grid.z,
             " blocks; CUDA has 1 to 2^31 - 1 x 65535 x 65535");
  AMCL_CHECK(launch.shared_bytes <= kMaxSharedBytes, "kernel ", launch.kernel, ": ",
             launch.shared_bytes, " bytes of dynamic shared memory; a block has ", kMaxSharedBytes);
}

}  // namespace

void run(const Launch& launch, const std::function<void()>& thread) {
  check(launch);
  AMCL_CHECK(current == nullptr, "emulation: a kernel was launched from device code");
  Grid grid(launch, thread);
  struct Current {
    explicit Current(Grid& running) { current = &running; }
    ~Current() { current = nullptr; }
  } const scope(grid);
  grid.run();
}

unsigned lane() {
  return grid().lane();
}

void block_barrier() {
  grid().block_barrier();
}

uint64_t exchange(WarpOperation operation, unsigned mask, uint64_t value, unsigned source) {
  return grid().exchange({operation, mask, value, source});
}

void* shared_block(const void* site, size_t bytes) {
  return grid().shared_block(site, bytes);
}

void* dynamic_shared(size_t& bytes) {
  bytes = grid().dynamic().size();
  return grid().dynamic().data();
}

void refuse(const char* what) {
  fail(ErrorKind::internal, grid().where(), ": ", what);
}

}  // namespace amcl::emulation
