#include "train/run/plan.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "data/views/dataset_placement.h"
#include "engine/core/host_memory.h"
#include "train/assembly/build_method.h"
#include "train/assembly/training_backend.h"
#include "train/run/trainer.h"

namespace amcl {
namespace {

// A step is measured with more and more pairs until it takes this many times what parameters,
// gradients and optimiser take: below, blocks that were theirs serve the step too, and its memory
// does not grow in proportion.
constexpr int64_t kDominance = 4;
// And until they are so many that a half of the batch, rounded up, is one nearly, or take so much
// that more would take long.
constexpr int64_t kExactPairs = 64;
constexpr int64_t kEnoughBytes = int64_t{256} << 20;

bool large_enough(int64_t pairs, int64_t peak, int64_t static_bytes) {
  return peak >= kDominance * static_bytes && (pairs >= kExactPairs || peak >= kEnoughBytes);
}

// The batch halved and halved again, down to a few pairs; ascending. The halves have the leading
// digits of the batch's binary number, so that the allocator, which knows four sizes between powers
// of two, rounds their blocks in the same proportion; parts with batch-norm statistics of their own
// stay whole. Of micro-batches a few: each more adds projections and images only.
std::vector<int64_t> measured_batches(const Config& config) {
  const int64_t batch = config.train.batch;
  const int64_t micro_batch = config.train.micro_batch;
  if (micro_batch > 0 && micro_batch < batch) {
    if (batch == 2 * micro_batch) return {batch};
    return {2 * micro_batch, std::min(batch, 4 * micro_batch)};
  }
  const int64_t unit = common(config.method).batch_norm.splits;
  std::vector<int64_t> pairs{batch};
  while (pairs.back() > std::max<int64_t>(4, 2 * unit))
    pairs.push_back((pairs.back() / unit + 1) / 2 * unit);
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

Dataset blank_images(Backend& backend, const Dataset& like, int64_t count) {
  Dataset blank;
  blank.name = like.name;
  const ImageExtent view = like.view_extent();
  blank.images = Tensor::zeros(backend, {count, view.height, view.width, 3}, DType::u8);
  blank.normalization = like.normalization;
  return blank;
}

// Bytes that the loss of `images` images and its backward take, projections like those that
// `like_images` images gave.
int64_t loss_bytes(Method& method, Allocator& allocator, const Projections& like,
                   int64_t like_images, int64_t images) {
  const TapeScope scope;
  Projections blank;
  for (const Tensor& z : like) {
    const Shape shape = z.shape().with(1, z.dim(1) / like_images * images);
    blank.push_back(tape::leaf(Tensor::zeros(z.device(), shape, z.dtype())));
  }
  allocator.reset_peak();
  const int64_t before = allocator.use().in_use;
  tape::backward(method.loss(blank).total);
  return allocator.use().peak - before;
}

// The same where that would take long: measured for fewer images, and for half of these. From there
// on it grows in proportion, as the loss has tiles of pairs with as many rows as they ever have.
int64_t measure_loss(Method& method, Allocator& allocator, const Projections& like,
                     int64_t like_images, int64_t images) {
  const auto halved = [](int64_t count) { return (count + 1) / 2; };
  int64_t measured = images;
  while (halved(halved(measured)) >= kTileRows &&
         method.pair_count(halved(measured)) < method.pair_count(measured))
    measured = halved(measured);
  const int64_t bytes = loss_bytes(method, allocator, like, like_images, measured);
  if (measured == images) return bytes;
  const int64_t fewer = halved(measured);
  const double per_image =
      static_cast<double>(bytes - loss_bytes(method, allocator, like, like_images, fewer)) /
      static_cast<double>(measured - fewer);
  return bytes + std::llround(per_image * static_cast<double>(images - measured));
}

bool has_own_memory(Backend& backend) {
  return backend.free_memory().has_value();
}

// Bytes.
struct Measured {
  int64_t pairs = 0;
  int64_t kept = 0;        // in use after the step
  int64_t peak = 0;        // in use at once, parameters, gradients and optimiser included
  int64_t reserved = 0;    // taken from the system for it
  int64_t loss = 0;        // of the peak: in use for the loss
  int64_t whole_loss = 0;  // in use for the loss of a whole batch
  int64_t program = 0;     // resident, but in no allocator
};

// A step of `pairs` pairs on a backend of its own, while `around` holds memory too.
Measured measure(Backend& around, const Dataset& dataset, const Config& config, int64_t pairs) {
  const std::unique_ptr<Backend> backend = open_training_backend(config.train);
  const Dataset blank = blank_images(*backend, dataset, pairs);
  Config small = config;
  small.train.batch = pairs;
  small.train.workers = 0;
  small.schedule.lr = 0.0;
  Trainer trainer(*backend, blank, small);
  const StepResult result = trainer.step();

  Allocator& allocator = backend->allocator();
  const MemoryUse use = allocator.use();
  Measured measured{.pairs = pairs, .kept = use.in_use, .peak = use.peak, .reserved = use.reserved};
  const int64_t in_allocators =
      has_own_memory(around) ? 0 : use.reserved + around.allocator().use().reserved;
  measured.program = std::max<int64_t>(0, resident_bytes() - in_allocators);
  // A step of the whole batch has measured its loss already.
  if (pairs < config.train.batch) {
    measured.loss = measure_loss(trainer.method(), allocator, result.projections, pairs, pairs);
    // A loss may know the size of its batch.
    const std::unique_ptr<Method> whole = build_method(config, *backend);
    measured.whole_loss =
        measure_loss(*whole, allocator, result.projections, pairs, config.train.batch);
  }
  return measured;
}

// The last two measurements: of the whole batch, or large enough to extrapolate from.
struct MeasuredPair {
  Measured small;
  Measured large;
  int64_t program = 0;
};

MeasuredPair measure_steps(Backend& around, const Dataset& dataset, const Config& config,
                           int64_t static_bytes) {
  MeasuredPair measured;
  for (const int64_t pairs : measured_batches(config)) {
    measured.small = std::exchange(measured.large, measure(around, dataset, config, pairs));
    // Later ones may find memory of the first that the system has not taken back.
    if (measured.small.pairs == 0) measured.program = measured.large.program;
    if (measured.small.pairs > 0 && large_enough(pairs, measured.large.peak, static_bytes)) break;
  }
  return measured;
}

// What the system must give for a step of the whole batch, parameters, gradients and optimiser
// included: the use, which but for the loss grows in proportion to the pairs, and the allocator's
// surplus, which grows in proportion to the use.
int64_t extrapolate(const MeasuredPair& measured, const Config& config) {
  const int64_t batch = config.train.batch;
  const Measured& small = measured.small;
  const Measured& large = measured.large;
  if (large.pairs == batch) return large.reserved;
  // Micro-batches leave the encoder's memory as it is, and the loss comes when that is free.
  const bool in_parts = config.train.micro_batch > 0 && config.train.micro_batch < batch;
  const auto without_loss = [in_parts](const Measured& one) {
    return in_parts ? one.kept : one.peak - one.loss;
  };
  const int64_t encoder = without_loss(large);
  const double per_pair = static_cast<double>(encoder - without_loss(small)) /
                          static_cast<double>(large.pairs - small.pairs);
  const int64_t at_once =
      in_parts ? std::max(large.peak, encoder + large.whole_loss) : encoder + large.whole_loss;
  const double peak =
      static_cast<double>(at_once) + per_pair * static_cast<double>(batch - large.pairs);
  return std::llround(peak * static_cast<double>(large.reserved) / static_cast<double>(large.peak));
}

// Running statistics, a momentum encoder, a queue.
int64_t buffer_bytes(Method& method) {
  int64_t bytes = 0;
  method.visit({.parameter = [](const std::string&, Parameter&) {},
                .buffer = [&](const std::string&,
                              Tensor& buffer) { bytes += static_cast<int64_t>(buffer.bytes()); }});
  return bytes;
}

std::string mebibytes(int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20);
  return text.str();
}

// Where the number of a step comes from.
std::string origin(const Plan& plan) {
  if (plan.measured_large == plan.batch) return "measured";
  return concat_text("measured on steps of ", plan.measured_small, " and ", plan.measured_large,
                     " pairs, extrapolated to ", plan.batch);
}

}  // namespace

Plan make_plan(Backend& backend, const Dataset& dataset, const Config& config,
               const Dataset* test) {
  const int64_t dataset_bytes = backend.allocator().use().in_use;
  Config alone = config;
  alone.train.workers = 0;
  Trainer trainer(backend, dataset, alone, test);
  const OnlineEvaluation* evaluation = trainer.online_evaluation();
  const auto block = static_cast<int64_t>(trainer.arena().values().bytes());
  const int64_t memories = std::ssize(trainer.optimizer().memories());
  const int64_t buffers = buffer_bytes(trainer.method());
  const int64_t static_bytes = (2 + memories) * block + buffers;

  const MeasuredPair measured = measure_steps(backend, dataset, config, static_bytes);
  const ViewSetup views{backend,
                        dataset,
                        config.augment,
                        {.batch = config.train.batch, .workers = config.train.workers}};
  return {.parameters = trainer.arena().parameter_count(),
          .steps_per_epoch = trainer.steps_per_epoch(),
          .steps = trainer.steps(),
          .warmup_steps = trainer.schedule().warmup,
          .peak_rate = trainer.schedule().peak,
          .chance_level = trainer.method().chance_level(config.train.batch),
          .parameter_bytes = block,
          .gradient_bytes = block,
          .optimizer_bytes = memories * block,
          .buffer_bytes = buffers,
          .dataset_bytes = dataset_bytes,
          .step_bytes = extrapolate(measured, config) - static_bytes,
          .evaluation_bytes = evaluation != nullptr ? evaluation->bytes() : 0,
          .loader_bytes = bytes_ahead(views),
          .checkpoint_bytes = (1 + memories) * block + buffers,
          .program_bytes = measured.program,
          .pinned_bytes = pinned_bytes(views),
          .apart = has_own_memory(backend),
          .measured_small = measured.small.pairs,
          .measured_large = measured.large.pairs,
          .batch = config.train.batch,
          .dataset_placement = describe_placement(dataset, backend)};
}

std::string describe(const Plan& plan) {
  const std::string host =
      concat_text("  checkpoint       ", mebibytes(plan.checkpoint_bytes), "\n  program          ",
                  mebibytes(plan.program_bytes), "\n");
  std::ostringstream text;
  text << "parameters         " << plan.parameters << "\n"
       << "steps              " << plan.steps << " (" << plan.steps_per_epoch
       << " per epoch, warm-up " << plan.warmup_steps << ")\n"
       << "learning rate      " << std::setprecision(4) << plan.peak_rate << "\n"
       << "chance loss        " << std::setprecision(4) << plan.chance_level << "\n"
       << "memory, MiB\n"
       << "  parameters       " << mebibytes(plan.parameter_bytes) << "\n"
       << "  gradients        " << mebibytes(plan.gradient_bytes) << "\n"
       << "  optimiser        " << mebibytes(plan.optimizer_bytes) << "\n"
       << "  buffers          " << mebibytes(plan.buffer_bytes) << "\n"
       << "  data set         " << mebibytes(plan.dataset_bytes) << "  (" << plan.dataset_placement
       << ")\n"
       << "  step             " << mebibytes(plan.step_bytes) << "  (" << origin(plan) << ")\n"
       << "  evaluation       " << mebibytes(plan.evaluation_bytes) << "\n"
       << "  loader           " << mebibytes(plan.loader_bytes) << "\n"
       << (plan.apart ? "" : host) << "expected peak, MiB " << mebibytes(plan.peak_bytes()) << "\n";
  if (plan.apart)
    text << "memory of the host beside it, MiB\n"
         << host << "  pinned           " << mebibytes(plan.pinned_bytes) << "\n";
  return text.str();
}

}  // namespace amcl
