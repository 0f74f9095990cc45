#include "train/run/training_run.h"

#include <algorithm>
#include <filesystem>
#include <new>
#include <optional>
#include <system_error>

#include "data/views/preprocessing.h"
#include "engine/core/host_memory.h"
#include "engine/core/out_of_memory.h"
#include "engine/core/parallel_for.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/checkpoint/run_files.h"
#include "train/config/complete.h"
#include "train/config/config_resolve.h"
#include "train/config/config_toml.h"
#include "train/config/stored_config.h"
#include "train/encoder/encoder_file.h"
#include "train/evaluation/stored_model.h"
#include "train/printable.h"
#include "train/run/memory_advice.h"
#include "train/run/plan.h"
#include "train/run/resume_check.h"
#include "train/run/run_data.h"
#include "train/run/run_description.h"
#include "train/run/training_loop.h"

namespace amcl {
namespace {

// What is stored has to be found from any directory that the run goes on from.
void make_absolute(std::string& path) {
  if (path.empty()) return;
  std::error_code unknown;  // the working directory may be gone
  const std::filesystem::path absolute = std::filesystem::absolute(path, unknown);
  if (!unknown) path = absolute.string();
}

void make_data_absolute(DataOptions& data) {
  if (data.data != "shapes10") make_absolute(data.data);
}

// Before there is a TrainingLoop to do it.
std::function<void(const std::string&)> warner(const RunOptions& options) {
  return [notes = options.notes](const std::string& text) {
    std::fprintf(notes, "warning: %s\n", printable(text).c_str());
  };
}

bool holds_only_an_encoder(const std::string& path) {
  std::error_code unreadable;
  return std::filesystem::is_regular_file(path, unreadable) && !is_checkpoint_of_run(path);
}

// What stands on the backbone starts anew. Returns a line for people.
std::string initialize_backbone(Trainer& trainer, const Config& config, const RunOptions& options) {
  const EncoderFile encoder = read_encoder_file(config.train.init, warner(options));
  trainer.initialize_backbone(encoder);
  const size_t others = encoder.left_out.size();
  return concat_text("init       ", printable(encoder.path), ": a ", encoder.backbone.backbone,
                     " of width ", encoder.backbone.width, ", ", printable(encoder.naming), "; ",
                     encoder.file.tensors.size(), " tensors taken",
                     others > 0 ? concat_text(", ", others, " others left out, such as ",
                                              printable(encoder.left_out.front()))
                                : std::string(),
                     traits_of(config.method).labelled ? "; the classifier starts anew\n"
                                                       : "; heads start anew\n");
}

// Returns a line for people. Weights are all that is taken: whatever the encoder saw before, from
// now on it sees this run's images as this run's settings say.
std::string initialize(Trainer& trainer, const Dataset& dataset, const Config& config,
                       const RunOptions& options) {
  if (config.train.init.empty()) return {};
  const auto* classifier = std::get_if<ClassifierOptions>(&config.method);
  if (classifier != nullptr && classifier->random_init)
    return concat_text("init       random weights in the network of ", printable(config.train.init),
                       "\n");
  if (classifier != nullptr || holds_only_an_encoder(config.train.init))
    return initialize_backbone(trainer, config, options);
  const Checkpoint checkpoint = read_intact_checkpoint(config.train.init, warner(options));
  if (traits_of(config_of(checkpoint).method).labelled)
    return initialize_backbone(trainer, config, options);
  trainer.initialize(checkpoint);
  return concat_text("init       ", printable(checkpoint.path), " (epoch ", checkpoint.state.epoch,
                     ", step ", checkpoint.state.step, "): weights only, learnt on images of ",
                     describe(checkpoint.encoder.preprocessing), "; this run's are ",
                     describe(preprocessing_of(dataset)), "\n");
}

void write_description(RunDirectory& directory, const RunData& data, const Config& config) {
  directory.write_config(to_toml(config));
  if (!data.labels.empty()) directory.write_labels(data.labels);
}

Config complete_for(const Dataset& dataset, const Config& config) {
  Config result = complete(config, dataset.view_extent(), dataset.class_count());
  // Few labels may be less than a usual batch.
  if (traits_of(config.method).labelled)
    result.train.batch = std::clamp<int64_t>(dataset.count(), 2, config.train.batch);
  return result;
}

RunEnd start_run(ResolvedConfig given, const RunOptions& options,
                 const std::function<bool()>& stop_requested) {
  make_data_absolute(given.config.data);
  make_absolute(given.config.train.init);
  RunData data(given.config);
  const Config config = complete_for(data.dataset, given.config);
  Trainer trainer(*data.backend, data.dataset, config, &data.test);
  data.close_test();
  const std::string origin = initialize(trainer, data.dataset, config, options);
  stop_requested();  // from here on a request is heeded: there is something to leave in order
  RunDirectory directory = RunDirectory::create(config.train.out, config.train.overwrite);
  write_description(directory, data, config);
  print_choices(options.notes, given, config, data.dataset);
  describe_run(options.notes, data, trainer, config);
  std::fputs(origin.c_str(), options.notes);
  TrainingLoop loop(trainer, config, data, directory, options);
  if (const std::string warning = warning_of(config.method); !warning.empty()) loop.warn(warning);
  return loop.run(stop_requested);
}

// From which the run goes on: the one that was named, or the newest intact one; empty if the run
// ended before its first.
std::optional<Checkpoint> checkpoint_to_resume(const RunDirectory& directory,
                                               const RunOptions& options) {
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

RunData open_again(const Config& config) {
  try {
    return RunData(config);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing) throw;
    fail(ErrorKind::missing, error.what(), "; if the images have moved, --data names the place");
  }
}

void go_back(RunDirectory& directory, const Checkpoint& checkpoint, const RunOptions& options) {
  const std::vector<std::string> abandoned = directory.go_back_to(checkpoint.path);
  if (abandoned.empty()) return;
  std::string names;
  for (const std::string& path : abandoned) names += (names.empty() ? "" : ", ") + path;
  warner(options)(
      concat_text("the run goes back to step ", checkpoint.state.step,
                  ": later lines of metrics.jsonl are removed, later checkpoints are now ", names));
}

RunEnd resume_run(Config config, const RunOptions& options,
                  const std::function<bool()>& stop_requested) {
  make_data_absolute(config.data);
  RunDirectory directory = RunDirectory::resume(options.resume);
  std::optional<Checkpoint> checkpoint = checkpoint_to_resume(directory, options);
  const std::string path = checkpoint ? checkpoint->path : directory.config_path();
  const Config started =
      checkpoint ? config_of(*checkpoint)
                 : as_stored(path, [&] { return resolve_config({.file = path}).config; });
  config = complete_as(config, started);
  check_config(started, config, directory, checkpoint ? &*checkpoint : nullptr);
  if (checkpoint && is_complete(directory, *checkpoint)) {
    std::fprintf(options.notes, "finished before, at step %lld; nothing is left to do\n",
                 static_cast<long long>(checkpoint->state.step));
    std::fprintf(options.results, "%s\n", directory.checkpoint_path().c_str());
    return RunEnd::finished;
  }
  RunData data = as_stored(path, [&] { return open_again(config); });
  if (checkpoint) check_data(*checkpoint, data.dataset, config);
  Trainer trainer = as_stored(path, [&] {
    if (checkpoint) check_sizes(*checkpoint, config);
    return Trainer(*data.backend, data.dataset, config, &data.test);
  });
  data.close_test();
  stop_requested();  // as in start_run
  int64_t threads = compute_threads();
  std::string origin;
  if (checkpoint) {
    as_stored(path, [&] { trainer.restore(*checkpoint); });
    threads = checkpoint->state.threads;
    go_back(directory, *checkpoint, options);
    checkpoint.reset();  // its tensors would fill memory to the end of the run
  } else {
    origin = initialize(trainer, data.dataset, config, options);
  }
  write_description(directory, data, config);
  describe_run(options.notes, data, trainer, config);
  std::fputs(origin.c_str(), options.notes);
  TrainingLoop loop(trainer, config, data, directory, options);
  if (threads != compute_threads())
    loop.warn(concat_text("the run was started with ", threads, " threads and goes on with ",
                          compute_threads(),
                          ": the bits may differ from those of an uninterrupted run"));
  return as_stored(path, [&] { return loop.run(stop_requested); });
}

// The remedy for a run that found too little memory, after it gave back what it had.
std::string advice_for(const Config& given) {
  try {
    const RunData data(given);
    return memory_advice(*data.backend, data.dataset, complete_for(data.dataset, given), &data.test,
                         memory_room(*data.backend));
  } catch (const std::exception&) {
    // Not even the question fits.
    return "a smaller --batch, --micro-batch or --width needs less";
  }
}

RunEnd dry_run(const ResolvedConfig& given, const RunOptions& options) {
  const RunData data(given.config);
  const Config config = complete_for(data.dataset, given.config);
  const Plan plan = make_plan(*data.backend, data.dataset, config, &data.test);
  print_choices(options.notes, given, config, data.dataset);
  print_warnings(options.notes, data);
  std::fputs(describe(plan).c_str(), options.results);
  return RunEnd::finished;
}

RunEnd run(const ResolvedConfig& given, const RunOptions& options,
           const std::function<bool()>& stop_requested) {
  if (options.dry_run) return dry_run(given, options);
  if (!options.resume.empty()) return resume_run(given.config, options, stop_requested);
  AMCL_CHECK(!given.config.train.out.empty(),
             "out: no run directory is named; choose one that does not exist yet");
  return start_run(given, options, stop_requested);
}

}  // namespace

RunEnd run_training(const ResolvedConfig& given, const RunOptions& options,
                    const std::function<bool()>& stop_requested) {
  validate(given.config);
  const int64_t threads = given.config.train.threads;
  if (threads > 0) set_compute_threads(static_cast<int>(threads));
  std::string facts;
  try {
    return run(given, options, stop_requested);
  } catch (const OutOfMemory& error) {
    facts = error.facts();
  } catch (const std::bad_alloc&) {
    facts = concat_text("out of memory with ", free_host_bytes() >> 20, " MiB free");
  }
  fail(ErrorKind::device, facts, "; ", advice_for(given.config));
}

}  // namespace amcl
