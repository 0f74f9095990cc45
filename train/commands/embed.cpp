#include "train/commands/embed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "data/sources/good_images.h"
#include "data/sources/open_dataset.h"
#include "data/views/evaluation_batches.h"
#include "data/views/preprocessing.h"
#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "engine/io/atomic_file.h"
#include "train/checkpoint/intact_checkpoint.h"
#include "train/checkpoint/run_files.h"
#include "train/config/value_text.h"
#include "train/encoder/encoder.h"
#include "train/encoder/feature_file.h"
#include "train/evaluation/embed.h"
#include "train/evaluation/stored_model.h"
#include "train/printable.h"
#include "train/progress_counter.h"

namespace amcl {
namespace {

void note(const std::string& text) {
  std::fprintf(stderr, "note: %s\n", printable(text).c_str());
}

// What makes rows of images.
struct Embedder {
  std::function<Tensor(const Tensor&)> rows;  // [N, H, W, 3] -> [N, width]
  int64_t width = 0;
  std::shared_ptr<void> model;  // that `rows` refers to
};

Embedder backbone_embedder(const EncoderFile& file, Backend& backend) {
  auto encoder = std::make_shared<Encoder>(file, backend);
  return {[encoder](const Tensor& images) { return encoder->features(images); },
          encoder->feature_dim(), encoder};
}

// The heads are part of the method that the checkpoint's configuration describes.
Embedder projection_embedder(const EmbedOptions& options, const EncoderFile& file,
                             Backend& backend) {
  if (!is_checkpoint_of_run(file.path))
    fail(ErrorKind::data, file.path,
         ": holds no projection heads, as only checkpoints of runs do; use --layer backbone");
  const Checkpoint checkpoint = read_checkpoint(file.path);
  const Config config = config_of(checkpoint);
  const ProjectionHeadOptions heads = common(config.method).projector;
  AMCL_CHECK(options.head < heads.heads, "--head is ", options.head, ": ", file.path, " has ",
             heads.heads, heads.heads == 1 ? " head" : " heads", ", counted from 0");
  std::shared_ptr<Method> method = build_stored(checkpoint, config, backend);
  load_weights(checkpoint, [&](const ModuleVisitor& visitor) { method->visit(visitor); });
  const int64_t head = options.head;
  return {[method, head](const Tensor& images) {
            const Tensor all = method->projections(
                images, {.phase = Phase::eval, .update_running_statistics = false});
            return all.slice(head, head + 1).view({all.dim(1), all.dim(2)});
          },
          heads.dim, method};
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

// Everything that the bytes of the rows depend on.
std::string job_text(const EmbedOptions& options, const EncoderFile& file, const Dataset& dataset) {
  const auto crc = file.file.metadata.find("crc32c");
  return json_text(nlohmann::ordered_json{{"encoder", file.path},
                                          {"encoder_crc32c",
                                           crc == file.file.metadata.end() ? "" : crc->second},
                                          {"images", dataset.fingerprint()},
                                          {"seen", describe(preprocessing_of(dataset))},
                                          {"count", dataset.count()},
                                          {"layer", options.layer},
                                          {"head", options.head},
                                          {"normalize", options.normalize},
                                          {"dtype", options.dtype}},
                   2) +
         '\n';
}

void normalize_rows(std::span<float> rows, int64_t width) {
  for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(width)) {
    const std::span<float> row = rows.subspan(begin, static_cast<size_t>(width));
    double squares = 0.0;
    for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    const auto scale = static_cast<float>(squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0);
    for (float& x : row) x *= scale;
  }
}

// Of images [begin, end) those that can be read, where others may be skipped.
std::vector<int64_t> readable(const Dataset& dataset, int64_t begin, int64_t end) {
  std::vector<int64_t> images(static_cast<size_t>(end - begin));
  std::iota(images.begin(), images.end(), begin);
  if (!dataset.files || !dataset.bad_images->skips()) return images;
  images.clear();
  for (const ImageCheck& check : check_images(*dataset.files, begin, end)) {
    if (check.error.empty())
      images.push_back(check.image);
    else
      dataset.bad_images->add(check.image, Error(ErrorKind::data, check.error));
  }
  return images;
}

// Rows of images [begin, end); not a number for those that cannot be read.
std::vector<float> rows_of(const EmbedOptions& options, const Embedder& embedder, Backend& backend,
                           const Dataset& dataset, int64_t begin, int64_t end) {
  const auto width = static_cast<size_t>(embedder.width);
  std::vector<float> rows(static_cast<size_t>(end - begin) * width,
                          std::numeric_limits<float>::quiet_NaN());
  const std::vector<int64_t> images = readable(dataset, begin, end);
  if (images.empty()) return rows;
  std::vector<float> made =
      embedder.rows(evaluation_batch(backend, dataset, images)).to_host<float>();
  if (!std::all_of(made.begin(), made.end(), [](float x) { return std::isfinite(x); }))
    fail(ErrorKind::numeric, "the features of ", dataset.name,
         " are not finite: the training of this model has failed");
  if (options.normalize) normalize_rows(made, embedder.width);
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
  if (file_exists(options.out) && !options.overwrite)
    fail(ErrorKind::usage, "--out ", options.out, " is there; --overwrite replaces it");
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
  const Embedder embedder = options.layer == "backbone"
                                ? backbone_embedder(file, *backend)
                                : projection_embedder(options, file, *backend);
  const Dataset dataset = open_images(options, file, *backend);
  const FeatureLayout layout{.format = format,
                             .half = options.dtype == "f16",
                             .rows = dataset.count(),
                             .width = embedder.width};
  FeatureFile features(options.out, layout, job_text(options, file, dataset), options.resume);
  std::fprintf(stderr, "encoder  %s: %s of width %lld (%s stem), %s\nimages   %s, %lld, seen %s\n",
               printable(file.path).c_str(), file.backbone.backbone.c_str(),
               static_cast<long long>(file.backbone.width), file.backbone.stem.c_str(),
               printable(file.naming).c_str(), printable(dataset.name).c_str(),
               static_cast<long long>(dataset.count()),
               describe(preprocessing_of(dataset)).c_str());
  if (features.written_rows() > 0)
    note(concat_text("goes on after ", features.written_rows(), " rows"));
  const auto start = std::chrono::steady_clock::now();
  const int64_t before = features.written_rows();
  {
    ProgressCounter progress(options.progress, stderr);
    while (features.written_rows() < dataset.count()) {
      const int64_t begin = features.written_rows();
      const int64_t end = std::min(begin + embedded_at_once(dataset), dataset.count());
      features.write(rows_of(options, embedder, *backend, dataset, begin, end));
      progress.update(end, dataset.count(), "images");
    }
  }
  write_index(options.out + ".tsv", dataset);
  features.finish();
  for (const std::string& image : dataset.bad_images->take_messages()) note(image);
  if (const int64_t skipped = dataset.bad_images->count(); skipped > 0)
    note(concat_text(skipped, " images cannot be read: their rows are not a number"));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << printable(options.out) << ": " << dataset.count() << " x " << embedder.width << ' '
            << options.dtype << ", "
            << std::llround(static_cast<double>(dataset.count() - before) / std::max(seconds, 1e-9))
            << " images/s; names in " << printable(options.out) << ".tsv" << std::endl;
  return 0;
}

}  // namespace amcl
