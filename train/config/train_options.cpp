#include "train/config/train_options.h"

#include "engine/backend/device_name.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"

namespace amcl {
namespace {

// The thread libraries crash rather than refuse where the machine cannot make as many.
constexpr double kMostThreads = 1024;

}  // namespace

bool is_cuda(const std::string& device) {
  return device.starts_with("cuda");
}

std::string usual_precision(const std::string& device) {
  return is_cuda(device) ? "bf16" : "f32";
}

void TrainOptions::visit_settings(const SettingVisitor& visitor) {
  visitor({.table = "train",
           .key = "epochs",
           .value = "N",
           .help = "passes over the training images",
           .range = {.low = 0}},
          &epochs);
  visitor({.table = "train",
           .key = "batch",
           .value = "N",
           .unit = "image pairs",
           .help = "per step",
           .range = {.low = 2}},
          &batch);
  visitor(
      {.table = "train",
       .key = "micro_batch",
       .value = "N",
       .unit = "image pairs",
       .help =
           "that go through the encoder at once, which saves memory and costs a second forward "
           "pass; loss and gradient are those of the whole batch, but batch-norm statistics are "
           "those of each micro-batch; 0: the whole batch",
       .range = {.low = 0},
       .complaint = [this]() -> std::string {
         if (micro_batch == 1) return "must be at least 2, or 0 for the whole batch";
         if (micro_batch > 0 && batch % micro_batch != 0)
           return concat_text("must divide --batch, which is ", batch);
         return {};
       }},
      &micro_batch);
  visitor({.table = "train",
           .key = "seed",
           .value = "N",
           .help = "of all randomness: initial weights, order, augmentation"},
          &seed);
  visitor({.table = "train",
           .key = "device",
           .value = "NAME",
           .help = "cpu: vectorised; plain: readable loops, slow; cuda: a GPU, fails without one; "
                   "cuda:N: the GPU of that number, cuda is cuda:0",
           .allowed = device_name_forms()},
          &device);
  visitor(
      {.table = "train",
       .key = "precision",
       .value = "NAME",
       .help =
           "of the encoder; bf16: activations and "
           "products of 8 bits of mantissa, summed in f32, with the weights, statistics, heads "
           "and loss in f32; tf32, cuda only: convolutions of f32 round their inputs to 11 bits; "
           "refused where it is no faster",
       .allowed = {"f32", "tf32", "bf16"}},
      &precision);
  visitor({.table = "train",
           .key = "conv_algorithm",
           .value = "NAME",
           .help = "of the cpu, for 3x3 windows of stride 1; auto: Winograd where it is faster",
           .allowed = conv_algorithm_names()},
          &conv_algorithm);
  if (is_cuda(device)) {
    visitor(
        {.table = "train",
         .key = "capture",
         .help =
             "cuda: record the third step and replay it from then on, to the same bits (usual); "
             "--no-capture launches every step anew",
         .may_change = true},
        &capture);
    visitor(
        {.table = "train",
         .key = "deterministic",
         .help =
             "cuda: only convolutions that repeat to the bit, which may be slower; if not given, "
             "reruns may differ in the last bits of a convolution's gradients and drift apart "
             "from there; all else, and other devices, repeat anyway"},
        &deterministic);
  }
  visitor({.table = "train",
           .key = "threads",
           .value = "N",
           .help = "that compute; 0: one per core; the bits of a result depend on it",
           .range = {.low = 0, .high = kMostThreads},
           .may_change = true},
          &threads);
  visitor({.table = "train",
           .key = "workers",
           .value = "N",
           .help = "threads that load and augment; no result depends on it",
           .range = {.low = 0, .high = kMostThreads},
           .may_change = true},
          &workers);
  visitor({.table = "train",
           .key = "init",
           .value = "FILE",
           .help = "checkpoint whose weights to start from"},
          &init);
  visitor({.table = "train",
           .key = "out",
           .value = "DIR",
           .help = "run directory, made if it is not there"},
          &out);
  visitor(
      {.table = "train", .key = "overwrite", .help = "replace the run that the directory holds"},
      &overwrite);
  visitor({.table = "train",
           .key = "checkpoint_every",
           .value = "N",
           .unit = "epochs",
           .help = "between two checkpoints",
           .range = {.low = 1},
           .may_change = true},
          &checkpoint_every);
  visitor({.table = "train",
           .key = "keep",
           .value = "N",
           .unit = "checkpoints",
           .help = "kept, the newest included",
           .range = {.low = 1},
           .may_change = true},
          &keep);
  visitor({.table = "train",
           .key = "log_every",
           .value = "N",
           .unit = "steps",
           .help = "between two lines of metrics.jsonl",
           .range = {.low = 1},
           .may_change = true},
          &log_every);
  visitor(
      {.table = "train",
       .key = "eval_every",
       .value = "N",
       .unit = "epochs",
       .help = "between two online evaluations: kNN (20 neighbours in up to 4,096 training images) "
               "and a linear probe, of up to 1,024 test images; without labels alignment, "
               "uniformity and effective rank; 0: never",
       .range = {.low = 0},
       .may_change = true},
      &eval_every);
}

}  // namespace amcl
