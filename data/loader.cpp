// Batches are planned in order and cut into tasks of a few samples, of which both views are made;
// every worker takes the next task of the oldest unfinished batch, so that all of them work on the
// batch that is needed first. A
// batch gets its memory from the backend's allocator, which keeps the blocks of used batches.
#include "data/loader.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "data/sampler.h"
#include "data/view_maker.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int64_t kSamplesPerTask = 8;
constexpr int64_t kFilesPerTask = 1;  // decoding takes longer
constexpr int64_t kViewsPerSample = 2;
// The epoch's share of a random stream's counter has 24 bits.
constexpr int64_t kMaxEpochs = int64_t{1} << 24;

using Clock = std::chrono::steady_clock;

struct PlannedBatch {
  uint32_t epoch = 0;
  Batch batch;
  int64_t claimed = 0;   // samples given to a worker
  int64_t finished = 0;  // samples whose views are made

  int64_t samples() const { return std::ssize(batch.samples); }
  bool ready() const { return finished == samples(); }
};

struct Task {
  std::shared_ptr<PlannedBatch> planned;  // kept alive after start() has forgotten it
  int64_t begin = 0;
  int64_t end = 0;
};

}  // namespace

struct Loader::State {
  Backend& backend;
  const Dataset& dataset;
  const AugmentPolicy policy;
  const LoaderOptions options;
  double wait_seconds = 0.0;  // of the thread that calls next()
  ViewMaker maker_here;       // for that thread, where there are no workers
  std::vector<std::thread> threads;

  std::mutex mutex;  // guards what follows
  std::condition_variable work_arrived;
  std::condition_variable batch_ready;
  std::deque<std::shared_ptr<PlannedBatch>> planned;  // oldest first
  int64_t epoch = 0;                                  // of the next batch to plan
  int64_t step = 0;
  std::vector<int64_t> order;  // of `epoch`; empty: not drawn yet
  std::exception_ptr error;
  bool stopping = false;

  State(Backend& b, const Dataset& d, const AugmentPolicy& p, const LoaderOptions& o)
      : backend(b), dataset(d), policy(p), options(o), maker_here(b, d, policy, o.seed) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Workers finish the few views in hand and end.
  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work_arrived.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  int64_t steps_per_epoch() const { return dataset.count() / options.batch; }

  // The next batch of the sequence, with its samples and memory but without content.
  std::shared_ptr<PlannedBatch> plan() {
    if (order.empty())
      order = epoch_order(options.seed, static_cast<uint32_t>(epoch), dataset.count());
    auto result = std::make_shared<PlannedBatch>();
    result->epoch = static_cast<uint32_t>(epoch);
    const ImageExtent view = dataset.view_extent();
    const auto first = order.begin() + step * options.batch;
    result->batch.samples.assign(first, first + options.batch);
    result->batch.images =
        Tensor::empty(backend, {2 * options.batch, view.height, view.width, 3}, DType::f32);
    if (++step == steps_per_epoch()) {
      ++epoch;
      step = 0;
      order.clear();
    }
    return result;
  }

  // Both views of the samples [begin, end) of the batch; needs no lock.
  void make_views(const Task& task, ViewMaker& maker) const {
    const std::span samples =
        std::span(task.planned->batch.samples)
            .subspan(static_cast<size_t>(task.begin), static_cast<size_t>(task.end - task.begin));
    std::array<Tensor, kViewsPerSample> rows;
    for (int64_t view = 0; view < kViewsPerSample; ++view)
      rows[static_cast<size_t>(view)] = task.planned->batch.images.slice(
          view * options.batch + task.begin, view * options.batch + task.end);
    maker.make(task.planned->epoch, samples, rows);
  }

  // A task of the oldest batch that has one; plans a batch if there is room. Nothing to do: no
  // batch.
  Task take_task() {
    auto unclaimed = std::find_if(planned.begin(), planned.end(), [](const auto& candidate) {
      return candidate->claimed < candidate->samples();
    });
    if (unclaimed == planned.end()) {
      if (std::ssize(planned) >= kBatchesAhead || error) return {};
      unclaimed = planned.insert(planned.end(), plan());
    }
    PlannedBatch& batch = **unclaimed;
    const int64_t begin = batch.claimed;
    batch.claimed =
        std::min(begin + (dataset.files ? kFilesPerTask : kSamplesPerTask), batch.samples());
    return {*unclaimed, begin, batch.claimed};
  }

  void work() {
    ViewMaker maker(backend, dataset, policy, options.seed);
    std::unique_lock lock(mutex);
    while (!stopping) {
      Task task;
      try {
        task = take_task();
        if (task.planned) {
          lock.unlock();
          make_views(task, maker);
          lock.lock();
          task.planned->finished += task.end - task.begin;
          if (task.planned->ready()) batch_ready.notify_one();
        }
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        error = std::current_exception();
        batch_ready.notify_one();
      }
      if (!task.planned && !stopping) work_arrived.wait(lock);
    }
  }

  Batch make_batch_here() {
    const std::shared_ptr<PlannedBatch> batch = plan();
    make_views({batch, 0, batch->samples()}, maker_here);
    return std::move(batch->batch);
  }

  Batch take_batch() {
    std::unique_lock lock(mutex);
    batch_ready.wait(lock, [&] { return error || (!planned.empty() && planned.front()->ready()); });
    if (error) std::rethrow_exception(error);
    Batch batch = std::move(planned.front()->batch);
    planned.pop_front();
    work_arrived.notify_all();
    return batch;
  }
};

Loader::Loader(Backend& backend, const Dataset& dataset, const AugmentPolicy& policy,
               const LoaderOptions& options)
    : state_(std::make_unique<State>(backend, dataset, policy, options)) {
  policy.validate();
  AMCL_CHECK(options.batch >= 2, "batch: needs at least 2 images, got ", options.batch);
  AMCL_CHECK(options.batch <= dataset.count(), "batch: ", options.batch, " is larger than ",
             dataset.name, " with its ", dataset.count(), " images; lower --batch");
  AMCL_CHECK(options.workers >= 0, "workers: must be at least 0, got ", options.workers);
  for (int64_t worker = 0; worker < options.workers; ++worker)
    state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

Loader::~Loader() = default;

int64_t Loader::steps_per_epoch() const {
  return state_->steps_per_epoch();
}

void Loader::start(int64_t epoch, int64_t step) {
  AMCL_CHECK(epoch >= 0 && epoch < kMaxEpochs, "loader: epoch ", epoch, " is out of range");
  AMCL_CHECK(step >= 0 && step < steps_per_epoch(), "loader: step ", step, " of an epoch with ",
             steps_per_epoch());
  const std::lock_guard lock(state_->mutex);
  state_->planned.clear();
  state_->epoch = epoch;
  state_->step = step;
  state_->order.clear();
  state_->error = nullptr;
  state_->work_arrived.notify_all();
}

Batch Loader::next() {
  const Clock::time_point begin = Clock::now();
  Batch batch = state_->threads.empty() ? state_->make_batch_here() : state_->take_batch();
  state_->wait_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  return batch;
}

double Loader::take_wait_seconds() {
  return std::exchange(state_->wait_seconds, 0.0);
}

}  // namespace amcl
