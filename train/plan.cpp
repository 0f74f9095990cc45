#include "train/plan.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <memory>
#include <sstream>

#include "engine/backend/open.h"
#include "train/process_memory.h"
#include "train/trainer.h"

namespace amcl {
namespace {

// Elements of the pair matrices of one measured loss: 16 MiB each in f32.
constexpr int64_t kMeasuredPairs = int64_t{1} << 22;

// A few pairs with which a step takes in proportion what one of `batch` pairs takes: the allocator
// rounds blocks up to one of four sizes between powers of two, so the two must have the leading
// digits of their binary numbers in common. Even, and exactly `batch` if that is small.
int64_t measured_pairs(int64_t batch) {
  int64_t pairs = batch;
  while (pairs >= 16) pairs = (pairs + 1) / 2;
  return std::max<int64_t>(4, pairs + pairs % 2);
}

Dataset blank_images(Backend& backend, const Dataset& like, int64_t count) {
  Dataset blank;
  blank.name = like.name;
  blank.images = Tensor::zeros(backend, like.images.shape().with(0, count), DType::u8);
  blank.normalization = like.normalization;
  return blank;
}

// The projections of `factor` times as many images, blank, but not so many that a pair matrix would
// be large; `cut` is the factor by which there are fewer rows.
Projections blank_projections(const Projections& like, double factor, double& cut) {
  cut = 1.0;
  for (const Tensor& z : like) {
    const double pairs =
        static_cast<double>(z.dim(0)) * std::pow(factor * static_cast<double>(z.dim(1)), 2);
    cut = std::max(cut, std::sqrt(pairs / kMeasuredPairs));
  }
  Projections blank;
  for (const Tensor& z : like) {
    const auto images = static_cast<int64_t>(static_cast<double>(z.dim(1)) * factor / cut / 2.0);
    const Shape shape = z.shape().with(1, 2 * std::max<int64_t>(2, images));
    blank.push_back(tape::leaf(Tensor::zeros(z.device(), shape, z.dtype())));
  }
  return blank;
}

// Bytes that the loss and its backward take for `factor` times as many images as gave `like`. Nearly
// all are pair matrices, which grow with the square of the number of images.
int64_t measure_loss(Method& method, Allocator& allocator, const Projections& like, double factor) {
  const TapeScope scope;
  double cut = 1.0;
  const Projections projections = blank_projections(like, factor, cut);
  allocator.reset_peak();
  const int64_t before = allocator.use().in_use;
  tape::backward(method.loss(projections).total);
  return static_cast<int64_t>(static_cast<double>(allocator.use().peak - before) * cut * cut);
}

struct Measured {
  int64_t step = 0;     // bytes beyond parameters, gradients and optimiser
  int64_t loss = 0;     // bytes of the loss of a whole batch
  int64_t program = 0;  // resident bytes that no allocator holds
};

// Steps of `pairs` pairs on a backend of its own, while `around` holds memory too.
Measured measure(Backend& around, const Dataset& dataset, const Config& config, int64_t pairs) {
  const std::unique_ptr<Backend> backend = open_backend(config.train.device);
  const Dataset blank = blank_images(*backend, dataset, pairs);
  Config small = config;
  small.train.batch = pairs;
  small.train.workers = 0;
  small.optimizer.lr = 0.0;
  Trainer trainer(*backend, blank, small);
  trainer.step();
  const StepResult result = trainer.step();

  Allocator& allocator = backend->allocator();
  const int64_t reserved = allocator.use().reserved;
  const double factor = static_cast<double>(config.train.batch) / static_cast<double>(pairs);
  return {.step = reserved - 3 * static_cast<int64_t>(trainer.arena().values().bytes()),
          .loss = measure_loss(trainer.method(), allocator, result.projections, factor),
          .program = std::max<int64_t>(
              0, resident_bytes() - reserved - around.allocator().use().reserved)};
}

std::string mebibytes(int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20);
  return text.str();
}

}  // namespace

Plan make_plan(Backend& backend, const Dataset& dataset, const Config& config) {
  const int64_t dataset_bytes = backend.allocator().use().reserved;
  Config alone = config;
  alone.train.workers = 0;
  Trainer trainer(backend, dataset, alone);
  const auto block = static_cast<int64_t>(trainer.arena().values().bytes());

  const int64_t large = measured_pairs(config.train.batch);
  const int64_t small = large / 2;
  const Measured at_large = measure(backend, dataset, config, large);
  const Measured at_small = measure(backend, dataset, config, small);
  const double per_pair =
      static_cast<double>(at_large.step - at_small.step) / static_cast<double>(large - small);
  const int64_t extrapolated =
      at_large.step + std::llround(per_pair * static_cast<double>(config.train.batch - large));
  const int64_t batch_bytes = 2 * config.train.batch * dataset.images.shape().count() /
                              dataset.count() * static_cast<int64_t>(size_of(DType::f32));
  return {.parameters = trainer.arena().parameter_count(),
          .steps_per_epoch = trainer.steps_per_epoch(),
          .steps = trainer.steps(),
          .warmup_steps = trainer.warmup_steps(),
          .chance_level = trainer.method().chance_level(config.train.batch),
          .parameter_bytes = block,
          .gradient_bytes = block,
          .optimizer_bytes = block,
          .dataset_bytes = dataset_bytes,
          .step_bytes = extrapolated + at_large.loss,
          .loader_bytes = config.train.workers > 0 ? kBatchesAhead * batch_bytes : 0,
          .program_bytes = at_large.program,
          .measured_small = small,
          .measured_large = large,
          .batch = config.train.batch};
}

std::string describe(const Plan& plan) {
  std::ostringstream text;
  text << "parameters         " << plan.parameters << "\n"
       << "steps              " << plan.steps << " (" << plan.steps_per_epoch
       << " per epoch, warm-up " << plan.warmup_steps << ")\n"
       << "chance-level loss  " << std::setprecision(4) << plan.chance_level << "\n"
       << "memory, MiB\n"
       << "  parameters       " << mebibytes(plan.parameter_bytes) << "\n"
       << "  gradients        " << mebibytes(plan.gradient_bytes) << "\n"
       << "  optimiser        " << mebibytes(plan.optimizer_bytes) << "\n"
       << "  data set         " << mebibytes(plan.dataset_bytes) << "\n"
       << "  step             " << mebibytes(plan.step_bytes) << "  (measured on steps of "
       << plan.measured_small << " and " << plan.measured_large << " pairs, extrapolated to "
       << plan.batch << ")\n"
       << "  loader           " << mebibytes(plan.loader_bytes) << "\n"
       << "  program          " << mebibytes(plan.program_bytes) << "\n"
       << "expected peak, MiB " << mebibytes(plan.peak_bytes()) << "\n";
  return text.str();
}

}  // namespace amcl
