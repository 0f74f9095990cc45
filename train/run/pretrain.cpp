#include "train/run/pretrain.h"

#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "data/sources/open_dataset.h"
#include "data/views/dataset_home.h"
#include "engine/backend/open.h"
#include "engine/core/host_memory.h"
#include "engine/core/out_of_memory.h"
#include "engine/core/parallel_for.h"
#include "train/assembly/training_backend.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/config/config_resolve.h"
#include "train/config/dataset_config.h"
#include "train/config/method_config.h"
#include "train/config/objective_config.h"
#include "train/config/optimizer_config.h"
#include "train/config/stored_config.h"
#include "train/config/value_text.h"
#include "train/config/view_config.h"
#include "train/evaluation/stored_model.h"
#include "train/printable.h"
#include "train/run/memory_advice.h"
#include "train/run/plan.h"
#include "train/run/pretrain_loop.h"
#include "train/run/resume_check.h"

namespace amcl {
namespace {

// What is stored has to be found from any directory that the run goes on from.
void make_absolute(std::string& path) {
  if (path.empty()) return;
  std::error_code unknown;  // the working directory may be gone
  const std::filesystem::path absolute = std::filesystem::absolute(path, unknown);
  if (!unknown) path = absolute.string();
}

void make_data_absolute(DataConfig& data) {
  if (data.data != "shapes10") make_absolute(data.data);
}

// Before there is a PretrainLoop to do it.
std::function<void(const std::string&)> warner(const PretrainOptions& options) {
  return [notes = options.notes](const std::string& text) {
    std::fprintf(notes, "warning: %s\n", printable(text).c_str());
  };
}

// The rate that is in effect, with the rule that made it, and its course.
std::string schedule_text(const Config& config, const Schedule& schedule) {
  const OptimizerConfig keys = completed(config).optimizer;
  std::string text = concat_text("peak lr ", schedule.peak);
  if (keys.lr_reference_batch > 0)
    text +=
        concat_text(" (", *keys.lr, " x ", config.train.batch, " / ", keys.lr_reference_batch, ')');
  text += concat_text(", warm-up ", schedule.warmup, " steps, then ");
  if (schedule.shape == ScheduleShape::constant) return text + "constant";
  if (schedule.shape == ScheduleShape::cosine)
    return text + concat_text("cosine to ", schedule.floor);
  return text + concat_text("times ", schedule.gamma, " after epochs ",
                            numbers_text(keys.milestones->data(), keys.milestones->size()));
}

// The keys of [optimizer] that make the update.
std::string optimizer_text(const OptimizerConfig& keys) {
  std::string text = keys.optimizer;
  if (keys.lars) text += concat_text(" (", *keys.lars, ", trust ", *keys.trust, ')');
  if (keys.momentum)
    text += concat_text(keys.nesterov.value_or(false) ? ", Nesterov momentum " : ", momentum ",
                        *keys.momentum);
  if (keys.beta1) text += concat_text(", betas ", *keys.beta1, ' ', *keys.beta2);
  text += concat_text(", weight decay ", keys.weight_decay);
  if (!*keys.decay_norm_bias) text += " (not of norms and biases)";
  if (*keys.clip_norm > 0.0) text += concat_text(", gradient norm at most ", *keys.clip_norm);
  return text;
}

std::string evaluation_text(const Config& config, const OnlineEvaluation* evaluation) {
  if (evaluation == nullptr) return "none";
  return concat_text("every ", config.train.eval_every, " epochs, ",
                     evaluation->labelled()
                         ? "kNN and linear probe on test images"
                         : "alignment, uniformity and effective rank: no labelled test images");
}

// A run's device and data.
struct Opened {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Backend> host;  // for images that are not in the memory of `backend`
  Dataset dataset;
  Dataset test;  // for the online evaluation; empty without it, or where there are no test images
  std::vector<std::string> test_warnings;

  explicit Opened(const Config& config)
      : backend(open_training_backend(config.train)),
        host(backend->free_memory() ? open_backend("cpu") : nullptr),
        dataset(open(config, split_named(config.data.split), config.data.limit)) {
    if (host) dataset = settle(std::move(dataset), *backend, *host);
    if (config.train.eval_every > 0 && dataset.labelled()) open_test(config);
  }

  // Once what is needed of the test images was copied: frees their memory on the host, and that which
  // the images of training had there.
  void close_test() {
    test = {};
    if (dataset.host == nullptr) host.reset();
  }

 private:
  Dataset open(const Config& config, Split split, int64_t limit) {
    return open_dataset(host ? *host : *backend, config.data.data, split, limit, config.train.seed,
                        dataset_options(config));
  }
  // Training goes on without.
  void open_test(const Config& config) {
    try {
      test = open(config, Split::test, 0);
      test.host = host.get();
      if (test.warnings != dataset.warnings) test_warnings = test.warnings;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::missing) throw;
    }
  }
};

std::string warmup_text(const Config& config) {
  const double epochs = config.objective.temperature_warmup_epochs.value_or(0.0);
  return epochs > 0.0 ? concat_text(", warm-up ", epochs, " epochs") : std::string();
}

// Where the images live, and what of the source is none of them.
std::string describe_data(const Dataset& dataset, Backend& backend) {
  const std::string passed_over = printable(dataset.passed_over.text());
  return describe_home(dataset, backend) + (passed_over.empty() ? "" : "; ") + passed_over;
}

void print_warnings(std::FILE* notes, const Opened& opened) {
  for (const std::vector<std::string>& warnings : {opened.dataset.warnings, opened.test_warnings})
    for (const std::string& warning : warnings)
      std::fprintf(notes, "warning: %s\n", printable(warning).c_str());
}

// What runs with these data.
Config settle(const Config& given, const Dataset& dataset) {
  return completed(with_views(given, dataset.view_extent()));
}

void print_choices(std::FILE* notes, const Config& given, const Config& config,
                   const Dataset& dataset) {
  for (const std::string& choice : describe_choices(given, config, dataset.view_extent()))
    std::fprintf(notes, "chosen     %s\n", choice.c_str());
}

// What a run is, before its first step.
void describe_run(std::FILE* notes, Opened& opened, Trainer& trainer, const Config& config) {
  const Dataset& dataset = opened.dataset;
  const ImageExtent view = dataset.view_extent();
  const ModelConfig& model = config.model;
  const ObjectiveOptions objective = objective_options(config);
  std::string temperature = concat_text("temperature ", objective.temperature);
  if (objective.adaptive)
    temperature = concat_text("temperature adaptive from ", objective.amcl.range.low, " to ",
                              objective.amcl.range.high, warmup_text(config));
  else if (!is_contrastive(model.method))
    temperature = "without temperature";
  if (objective.head_decorrelation > 0.0)
    temperature += concat_text(", head decorrelation ", objective.head_decorrelation);
  const std::string text = concat_text(
      "data       ", printable(dataset.name), " (", printable(dataset.layout), "), ",
      dataset.count(), " images, views ", view.height, " x ", view.width, ", ",
      describe_data(dataset, *opened.backend), "\nmethod     ", model.method, "\nmodel      ",
      model.backbone, " of width ", model.width, " (", model.stem, " stem), heads ", *model.heads,
      ", ", trainer.arena().parameter_count(), " parameters\nobjective  ", objective.name, ", ",
      temperature, ", chance loss ", trainer.method().chance_level(config.train.batch),
      "\nschedule   ", config.train.epochs, " epochs of ", trainer.steps_per_epoch(),
      " steps, batch ", config.train.batch, ", ", schedule_text(config, trainer.schedule()),
      "\noptimizer  ", optimizer_text(config.optimizer), "\nevaluation ",
      evaluation_text(config, trainer.online_evaluation()), "\ndevice     ", opened.backend->name(),
      ", threads ", compute_threads(), ", workers ", config.train.workers, "\n");
  std::fputs(text.c_str(), notes);
  print_warnings(notes, opened);
}

// Returns a line for people. Weights are all that is taken: whatever the encoder saw before, from now
// on it sees this run's images as this run's settings say.
std::string initialize(Trainer& trainer, const Dataset& dataset, const Config& config,
                       const PretrainOptions& options) {
  if (config.train.init.empty()) return {};
  const Checkpoint checkpoint = read_intact_checkpoint(config.train.init, warner(options));
  trainer.initialize(checkpoint);
  return concat_text("init       ", printable(checkpoint.path), " (epoch ", checkpoint.state.epoch,
                     ", step ", checkpoint.state.step, "): weights only, learnt on images of ",
                     describe(checkpoint.encoder.preprocessing), "; this run's are ",
                     describe(preprocessing_of(dataset)), "\n");
}

PretrainEnd start_run(Config given, const PretrainOptions& options,
                      const std::function<bool()>& stop_requested) {
  make_data_absolute(given.data);
  make_absolute(given.train.init);
  Opened opened(given);
  const Config config = settle(given, opened.dataset);
  Trainer trainer(*opened.backend, opened.dataset, config, &opened.test);
  opened.close_test();
  const std::string origin = initialize(trainer, opened.dataset, config, options);
  stop_requested();  // from here on a request is heeded: there is something to leave in order
  RunDirectory directory = RunDirectory::create(config.train.out, config.train.overwrite);
  directory.write_config(to_toml(config));
  print_choices(options.notes, given, config, opened.dataset);
  describe_run(options.notes, opened, trainer, config);
  std::fputs(origin.c_str(), options.notes);
  PretrainLoop loop(trainer, config, directory, options);
  if (config.model.shuffle_bn.value_or(false) && *config.model.bn_splits == 1)
    loop.warn(
        "shuffle_bn has no effect with --bn-splits 1: all keys of a view share their batch-norm "
        "statistics with all queries of it; set --bn-splits 8");
  return loop.run(stop_requested);
}

// From which the run goes on: the one that was named, or the newest intact one; empty if the run ended
// before its first.
std::optional<Checkpoint> checkpoint_to_resume(const RunDirectory& directory,
                                               const PretrainOptions& options) {
  if (options.resume != directory.path())
    return read_checkpoint(
        (directory.path() / std::filesystem::path(options.resume).filename()).string());
  if (list_checkpoints(directory.path()).empty()) return std::nullopt;
  return read_intact_checkpoint(directory.path(), warner(options));
}

// Whether all was written that a finished run leaves behind.
bool is_complete(const RunDirectory& directory, const Checkpoint& checkpoint) {
  const auto summary = LogRecord::parse(directory.summary(), nullptr, /*allow_exceptions=*/false);
  return summary.contains("status") && summary["status"] == "finished" &&
         summary.contains("step") && summary["step"] == checkpoint.state.step;
}

Opened open_again(const Config& config) {
  try {
    return Opened(config);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing) throw;
    fail(ErrorKind::missing, error.what(), "; if the images have moved, --data names the place");
  }
}

void go_back(RunDirectory& directory, const Checkpoint& checkpoint,
             const PretrainOptions& options) {
  const std::vector<std::string> abandoned = directory.go_back_to(checkpoint.path);
  if (abandoned.empty()) return;
  std::string names;
  for (const std::string& path : abandoned) names += (names.empty() ? "" : ", ") + path;
  warner(options)(
      concat_text("the run goes back to step ", checkpoint.state.step,
                  ": later lines of metrics.jsonl are removed, later checkpoints are now ", names));
}

// What the data settled when the run began stays.
void keep_settled(Config& config, const Config& started) {
  if (config.model.stem == "auto") config.model.stem = started.model.stem;
  if (!config.augment.blur) config.augment.blur = started.augment.blur;
}

PretrainEnd resume_run(Config config, const PretrainOptions& options,
                       const std::function<bool()>& stop_requested) {
  make_data_absolute(config.data);
  RunDirectory directory = RunDirectory::resume(options.resume);
  std::optional<Checkpoint> checkpoint = checkpoint_to_resume(directory, options);
  const std::string path = checkpoint ? checkpoint->path : directory.config_path();
  const Config started = completed(checkpoint ? config_of(*checkpoint) : as_stored(path, [&] {
    return resolve_config({.file = path}).config;
  }));
  keep_settled(config, started);
  check_config(started, config, directory, checkpoint ? &*checkpoint : nullptr);
  if (checkpoint && is_complete(directory, *checkpoint)) {
    std::fprintf(options.notes, "finished before, at step %lld; nothing is left to do\n",
                 static_cast<long long>(checkpoint->state.step));
    std::fprintf(options.results, "%s\n", directory.checkpoint_path().c_str());
    return PretrainEnd::finished;
  }
  Opened opened = as_stored(path, [&] { return open_again(config); });
  if (checkpoint) check_data(*checkpoint, opened.dataset, config);
  Trainer trainer = as_stored(path, [&] {
    if (checkpoint) check_sizes(*checkpoint, config);
    return Trainer(*opened.backend, opened.dataset, config, &opened.test);
  });
  opened.close_test();
  stop_requested();  // as in start_run
  int64_t threads = compute_threads();
  std::string origin;
  if (checkpoint) {
    as_stored(path, [&] { trainer.restore(*checkpoint); });
    threads = checkpoint->state.threads;
    go_back(directory, *checkpoint, options);
    checkpoint.reset();  // its tensors would fill memory to the end of the run
  } else {
    origin = initialize(trainer, opened.dataset, config, options);
  }
  directory.write_config(to_toml(config));
  describe_run(options.notes, opened, trainer, config);
  std::fputs(origin.c_str(), options.notes);
  PretrainLoop loop(trainer, config, directory, options);
  if (threads != compute_threads())
    loop.warn(concat_text("the run was started with ", threads, " threads and goes on with ",
                          compute_threads(),
                          ": the bits may differ from those of an uninterrupted run"));
  return as_stored(path, [&] { return loop.run(stop_requested); });
}

// The remedy for a run that found too little memory, after it gave back what it had.
std::string advice_for(const Config& given) {
  try {
    const Opened opened(given);
    return memory_advice(*opened.backend, opened.dataset, settle(given, opened.dataset),
                         &opened.test, memory_room(*opened.backend));
  } catch (const std::exception&) {
    // Not even the question fits.
    return "a smaller --batch, --micro-batch or --width needs less";
  }
}

PretrainEnd dry_run(const Config& given, const PretrainOptions& options) {
  const Opened opened(given);
  const Config config = settle(given, opened.dataset);
  const Plan plan = make_plan(*opened.backend, opened.dataset, config, &opened.test);
  print_choices(options.notes, given, config, opened.dataset);
  print_warnings(options.notes, opened);
  std::fputs(describe(plan).c_str(), options.results);
  return PretrainEnd::finished;
}

PretrainEnd run(const Config& given, const PretrainOptions& options,
                const std::function<bool()>& stop_requested) {
  if (options.dry_run) return dry_run(given, options);
  if (!options.resume.empty()) return resume_run(completed(given), options, stop_requested);
  AMCL_CHECK(!given.train.out.empty(),
             "out: no run directory is named; choose one that does not exist yet");
  return start_run(given, options, stop_requested);
}

}  // namespace

PretrainEnd pretrain(const Config& given, const PretrainOptions& options,
                     const std::function<bool()>& stop_requested) {
  validate(completed(given));
  if (given.train.threads > 0) set_compute_threads(static_cast<int>(given.train.threads));
  std::string facts;
  try {
    return run(given, options, stop_requested);
  } catch (const OutOfMemory& error) {
    facts = error.facts();
  } catch (const std::bad_alloc&) {
    facts = concat_text("out of memory with ", free_host_bytes() >> 20, " MiB free");
  }
  fail(ErrorKind::device, facts, "; ", advice_for(given));
}

}  // namespace amcl
