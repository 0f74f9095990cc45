#include "train/commands/embed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <vector>

#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/preprocessing.h"
#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "engine/io/atomic_file.h"
#include "train/checkpoint/run_files.h"
#include "train/config/value_text.h"
#include "train/encoder/encoder_file.h"
#include "train/encoder/feature_file.h"
#include "train/evaluation/embed.h"
#include "train/printable.h"
#include "train/progress_counter.h"

namespace amcl {
namespace {

void note(const std::string& text) {
  std::fprintf(stderr, "note: %s\n", printable(text).c_str());
}

std::array<float, 3> channels(const char* flag, const std::string& text) {
  std::array<double, 3> given{};
  if (const char* expected = parse_value(text, given))
    fail(ErrorKind::usage, flag, " is '", text, "': must be ", expected);
  return {static_cast<float>(given[0]), static_cast<float>(given[1]), static_cast<float>(given[2])};
}

// As the encoder sees images; of one that does not say, as its stem and the set suggest.
void preprocess(const EmbedOptions& options, const EncoderFile& file, Dataset& dataset) {
  Preprocessing seen = file.metadata ? file.metadata->preprocessing : preprocessing_of(dataset);
  if (!file.metadata && file.backbone.stem == "imagenet") seen = with_size(seen, kFileViewSize);
  if (options.size > 0) seen = with_size(seen, options.size);
  if (!options.mean.empty()) seen.normalization.mean = channels("--mean", options.mean);
  if (!options.deviation.empty())
    seen.normalization.deviation = channels("--deviation", options.deviation);
  preprocess_with(dataset, seen);
}

Dataset open_images(const EmbedOptions& options, const EncoderFile& file, Backend& backend) {
  const auto* split = std::find(std::begin(kSplitNames), std::end(kSplitNames), options.split);
  Dataset dataset = open_dataset(backend, options.data,
                                 static_cast<Split>(split - std::begin(kSplitNames)), options.limit,
                                 /*seed=*/1,
                                 {.layout = options.layout,
                                  .skip_bad_images = options.on_error == "skip",
                                  .error_limit = options.error_limit,
                                  .all_may_be_bad = true});
  preprocess(options, file, dataset);
  for (const std::string& warning : dataset.warnings) note(warning);
  return dataset;
}

FeatureFormat format_of(const EmbedOptions& options) {
  if (!options.format.empty())
    return static_cast<FeatureFormat>(
        std::find(std::begin(kFeatureFormatNames), std::end(kFeatureFormatNames), options.format) -
        std::begin(kFeatureFormatNames));
  const std::optional<FeatureFormat> format = format_of_path(options.out);
  AMCL_CHECK(
      format, "--out ", options.out,
      ": the ending names no format; end it in .npy, .safetensors or .csv, or give --format");
  return *format;
}

std::string absolute(const std::string& path) {
  std::error_code unknown;
  if (path == "shapes10") return path;
  const std::filesystem::path whole = std::filesystem::absolute(path, unknown);
  return unknown ? path : whole.lexically_normal().string();
}

// Of the backbone alone, so that a checkpoint and its export are one encoder; a projection also stands for
// the rest of the checkpoint.
std::string weights_text(const EncoderFile& file, const std::string& layer) {
  const auto whole = file.file.metadata.find("crc32c");
  const bool is_known = whole != file.file.metadata.end();
  return layer == "backbone" || !is_known ? weights_fingerprint(file) : whole->second;
}

FeatureRecord record_of(const EmbedOptions& options, const EncoderFile& file,
                        const FeatureMaker& maker, const Dataset& dataset) {
  const FeatureOptions& features = options.features;
  return {.encoder = absolute(file.path),
          .encoder_weights = weights_text(file, features.layer),
          .layer = features.layer,
          .head = features.head,
          .data = absolute(options.data),
          .layout = options.layout,
          .split = options.split,
          .limit = options.limit,
          .images = dataset.fingerprint(),
          .rows = dataset.count(),
          .width = maker.width(),
          .seen = preprocessing_of(dataset),
          .views = features.views,
          .seed = features.seed,
          .augmentation = maker.policy_text(dataset),
          .normalize = features.normalize,
          .dtype = options.dtype,
          .precision = features.precision,
          .device = options.device};
}

// Rows of images [begin, end); not a number for those that cannot be read.
std::vector<float> rows_of(const FeatureMaker& maker, const Dataset& dataset, int64_t begin,
                           int64_t end) {
  const auto width = static_cast<size_t>(maker.width());
  std::vector<float> rows(static_cast<size_t>(end - begin) * width,
                          std::numeric_limits<float>::quiet_NaN());
  const std::vector<int64_t> images = readable_images(dataset, begin, end);
  if (images.empty()) return rows;
  const std::vector<float> made = maker.rows(dataset, images);
  for (size_t i = 0; i < images.size(); ++i)
    std::copy_n(
        made.begin() + static_cast<std::ptrdiff_t>(i * width), width,
        rows.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(images[i] - begin) * width));
  return rows;
}

// One line for each row: its number, the image's name, and its label if there is one.
void write_index(const std::string& path, const Dataset& dataset) {
  AtomicFile file(path);
  const auto write = [&](const std::string& text) {
    file.write(std::as_bytes(std::span(text.data(), text.size())));
  };
  write(dataset.labelled() ? "row\tname\tlabel\n" : "row\tname\n");
  for (int64_t row = 0; row < dataset.count(); ++row) {
    std::string line = concat_text(row, '\t', printable(dataset.image_name(row)));
    if (dataset.labelled()) {
      const auto label = static_cast<size_t>(dataset.labels[static_cast<size_t>(row)]);
      line += '\t' + (label < dataset.class_names.size() ? printable(dataset.class_names[label])
                                                         : std::to_string(label));
    }
    write(line + '\n');
  }
  file.commit();
}

void check(const EmbedOptions& options) {
  AMCL_CHECK(!options.encoder.empty() && !options.data.empty() && !options.out.empty(),
             "embed: name the encoder, the images and the file to make, such as: amcl embed "
             "runs/first --data photos --out photos.npy");
  const bool done = options.resume && !file_exists(options.out + ".partial");
  if (file_exists(options.out) && !options.overwrite && !done)
    fail(ErrorKind::usage, "--out ", options.out, " is there; --overwrite replaces it");
}

// Whether --resume finds the very file that it is to make.
bool is_done(const EmbedOptions& options, const FeatureRecord& record) {
  if (!options.resume || !file_exists(options.out) || file_exists(options.out + ".partial"))
    return false;
  const std::vector<std::string> other = differences(read_feature_record(options.out), record);
  if (!other.empty())
    fail(ErrorKind::usage, "--resume: ", options.out, " is complete and of another job: ", other[0],
         "; --overwrite without --resume replaces it");
  return true;
}

void describe_work(const EncoderFile& file, const Dataset& dataset,
                   const FeatureOptions& features) {
  std::string views;
  if (features.views > 0)
    views = concat_text("; the mean over ", features.views, " augmented views");
  std::fprintf(stderr,
               "encoder  %s: %s of width %lld (%s stem), %s\nimages   %s, %lld, seen %s%s\n",
               printable(file.path).c_str(), file.backbone.backbone.c_str(),
               static_cast<long long>(file.backbone.width), file.backbone.stem.c_str(),
               printable(file.naming).c_str(), printable(dataset.name).c_str(),
               static_cast<long long>(dataset.count()), describe(preprocessing_of(dataset)).c_str(),
               views.c_str());
}

}  // namespace

int run_embed(const EmbedOptions& options) {
  check(options);
  const FeatureFormat format = format_of(options);
  AMCL_CHECK(options.dtype == "f32" || format != FeatureFormat::csv,
             "--dtype is f16: text has the digits of f32; leave it out");
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend(options.device);
  const EncoderFile file = read_encoder_file(options.encoder, note);
  const FeatureMaker maker(file, options.features, *backend);
  const Dataset dataset = open_images(options, file, *backend);
  const FeatureRecord record = record_of(options, file, maker, dataset);
  const FeatureLayout layout{.format = format,
                             .half = options.dtype == "f16",
                             .rows = dataset.count(),
                             .width = maker.width(),
                             .at_once = embedded_at_once(dataset)};
  if (is_done(options, record)) {
    std::cout << printable(options.out) << ": is complete" << std::endl;
    return 0;
  }
  FeatureFile features(options.out, layout, record, options.resume);
  describe_work(file, dataset, options.features);
  if (features.written_rows() > 0)
    note(concat_text("goes on after ", features.written_rows(), " rows"));
  const auto start = std::chrono::steady_clock::now();
  const int64_t before = features.written_rows();
  {
    ProgressCounter progress(options.progress, stderr);
    progress.update(before, dataset.count(), "images");
    while (features.written_rows() < dataset.count()) {
      const int64_t begin = features.written_rows();
      const int64_t end = std::min(begin + layout.at_once, dataset.count());
      features.write(rows_of(maker, dataset, begin, end));
      progress.update(end, dataset.count(), "images");
    }
  }
  features.finish([&] { write_index(options.out + ".tsv", dataset); });
  for (const std::string& image : dataset.bad_images->take_messages()) note(image);
  if (const int64_t skipped = dataset.bad_images->count(); skipped > 0)
    note(concat_text(skipped, " images cannot be read: their rows are not a number"));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << printable(options.out) << ": " << dataset.count() << " x " << maker.width() << ' '
            << options.dtype << ", "
            << std::llround(static_cast<double>(dataset.count() - before) / std::max(seconds, 1e-9))
            << " images/s; names in " << printable(options.out) << ".tsv" << std::endl;
  return 0;
}

}  // namespace amcl
