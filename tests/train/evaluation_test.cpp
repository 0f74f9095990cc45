#include "train/evaluation/evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "data/sources/open_dataset.h"
#include "tests/train/evaluation_fixture.h"
#include "train/assembly/open_data.h"

namespace amcl {
namespace {

using test::kTestImages;
using test::kTrainImages;

// A set of a few files comes with notes of its own.
std::vector<std::string> notes_that_begin(const std::string& text, const Evaluation& evaluation) {
  std::vector<std::string> notes;
  std::copy_if(evaluation.notes.begin(), evaluation.notes.end(), std::back_inserter(notes),
               [&](const std::string& note) { return note.starts_with(text); });
  return notes;
}

class EvaluationTest : public test::EvaluationFixture {
 protected:
  std::vector<Neighbour> neighbours(const EvaluationOptions& options) {
    return evaluate(options, *backend_).knn->neighbours;
  }
  std::string message_of(const EvaluationOptions& options) {
    try {
      evaluate(options, *backend_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
};

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: model and data come from the checkpoint alone") {
  const Evaluation begun = evaluate(options(), *backend_);
  CHECK(begun.train.count() == kTrainImages);
  CHECK(begun.test.count() == kTestImages);
  CHECK(begun.feature_dim == 32);
  CHECK(common(begun.config.method).backbone.width == 4);
  CHECK_FALSE(begun.linear);

  // An untrained network is the one that the run began with.
  EvaluationOptions untrained = options();
  untrained.random_init = true;
  const Evaluation random = evaluate(untrained, *backend_);
  CHECK(random.knn->neighbours == begun.knn->neighbours);
  CHECK(notes_that_begin("untrained network", random).size() == 1);

  for (int step = 0; step < 3; ++step) trainer_.step();
  save(trainer_.checkpoint());
  CHECK(neighbours(untrained) == begun.knn->neighbours);
  CHECK(neighbours(options()) != begun.knn->neighbours);
}

TEST_CASE_FIXTURE(EvaluationTest,
                  "evaluation: a damaged newest checkpoint gives way, with a note") {
  EvaluationOptions of_run = options();
  of_run.run = directory_.path();
  const std::string earlier = directory_.file("checkpoint-step-3.safetensors");
  write_safetensors(earlier, trainer_.checkpoint(), true);
  std::string content = test::read_text(path_);
  content[content.size() - 5] ^= 0x40;
  test::write_text(path_, content);
  const Evaluation found = evaluate(of_run, *backend_);
  CHECK(found.checkpoint->path == earlier);
  const std::vector<std::string> notes = notes_that_begin(path_ + " is damaged", found);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find(earlier + " takes its place") != std::string::npos);
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: the encoder sees images as in training") {
  const std::vector<Neighbour> before = neighbours(options());
  SafetensorsFile other = trainer_.checkpoint();
  other.metadata["normalization_mean"] = "0.9 0.1 0.4";
  save(other);
  CHECK(neighbours(options()) != before);
}

// The fixture's images as files in class folders, each pixel repeated `factor` times both ways.
class FilesTest : public EvaluationTest {
 protected:
  std::string make_files(const std::string& name, int64_t factor) const {
    for (const Split split : {Split::train, Split::test}) {
      const Dataset images = open_dataset(*backend_, directory_.path(), split, 0, 1);
      const int64_t side = images.images.dim(1);
      const std::vector<uint8_t> pixels = images.images.to_host<uint8_t>();
      for (int64_t image = 0; image < images.count(); ++image) {
        std::string text = concat_text("P6 ", side * factor, ' ', side * factor, " 255 ");
        for (int64_t row = 0; row < side * factor; ++row)
          for (int64_t column = 0; column < side * factor; ++column)
            for (int64_t channel = 0; channel < 3; ++channel)
              text += static_cast<char>(pixels[static_cast<size_t>(
                  ((image * side + row / factor) * side + column / factor) * 3 + channel)]);
        const std::filesystem::path folder =
            std::filesystem::path(directory_.file(name)) /
            (split == Split::train ? "train" : "val") /
            concat_text("class", images.labels[static_cast<size_t>(image)]);
        std::filesystem::create_directories(folder);
        test::write_text((folder / concat_text(1000 + image, ".ppm")).string(), text);
      }
    }
    return directory_.file(name);
  }
};

TEST_CASE_FIXTURE(FilesTest, "evaluation: the run's images as files score as in the run") {
  for (int step = 0; step < 3; ++step) trainer_.step();
  save(trainer_.checkpoint());
  EvaluationOptions files = options();
  files.data = make_files("files", 1);
  const Evaluation of_files = evaluate(files, *backend_);
  CHECK(of_files.train.view_extent() == ImageExtent{32, 32});
  CHECK(of_files.preprocessing.resize == 32);
  const Evaluation of_run = evaluate(options(), *backend_);
  // One image: its neighbours stand in another order, and a tie may fall otherwise.
  CHECK(std::abs(of_files.knn_top1 - of_run.knn_top1) <= 100.0 / kTestImages + 1e-9);
}

TEST_CASE_FIXTURE(FilesTest,
                  "evaluation: other data are seen by the checkpoint, not by their own") {
  EvaluationOptions other = options();
  other.data = make_files("large", 2);
  const Evaluation usual = evaluate(other, *backend_);
  CHECK(usual.preprocessing.view == ImageExtent{32, 32});
  CHECK(usual.preprocessing.resize == 32);
  CHECK(usual.preprocessing.interpolation == Interpolation::bilinear);
  CHECK(usual.preprocessing.normalization.mean == dataset_.normalization.mean);
  CHECK(usual.preprocessing.normalization.deviation == dataset_.normalization.deviation);

  for (const auto& [key, value] : {std::pair{"interpolation", "bicubic"},
                                   {"resize", "37"},
                                   {"normalization_mean", "0.9 0 0"},
                                   {"normalization_deviation", "0.9 0.1 0.3"}}) {
    CAPTURE(key);
    SafetensorsFile changed = trainer_.checkpoint();
    changed.metadata[key] = value;
    save(changed);
    CHECK(neighbours(other) != usual.knn->neighbours);
  }
  save(trainer_.checkpoint());

  // Untrained and pixels: as the run's encoder sees them.
  EvaluationOptions baseline = other;
  baseline.random_init = true;
  CHECK(evaluate(baseline, *backend_).preprocessing.view == ImageExtent{32, 32});
  baseline.random_init = false;
  baseline.features = "pixels";
  CHECK(evaluate(baseline, *backend_).feature_dim == 32 * 32 * 3);
  // Without a run they are the set's own.
  baseline.run.clear();
  baseline.size = 24;
  const Evaluation pixels = evaluate(baseline, *backend_);
  CHECK(pixels.feature_dim == 24 * 24 * 3);
  CHECK(pixels.preprocessing.resize == 27);
  CHECK(pixels.preprocessing.normalization.mean != dataset_.normalization.mean);
}

TEST_CASE_FIXTURE(FilesTest, "evaluation: --size wins over the run's size") {
  EvaluationOptions smaller = options();
  smaller.size = 16;
  const Evaluation found = evaluate(smaller, *backend_);
  CHECK(found.train.view_extent() == ImageExtent{16, 16});
  CHECK(found.test.view_extent() == ImageExtent{16, 16});
  CHECK(found.preprocessing.resize == 16);  // whole images still
  CHECK(found.preprocessing.normalization.mean == dataset_.normalization.mean);
}

TEST_CASE_FIXTURE(FilesTest,
                  "evaluation: what a run trained on with another size and filter holds") {
  Config other = config();
  other.data.data = make_files("files", 2);
  other.data.reading.size = 24;
  other.augment.interpolation = Interpolation::bicubic;
  other.data.reading.mean = {0.1, 0.2, 0.3};
  const Dataset files = open_data(*backend_, other, Split::train, 0);
  Trainer trainer(*backend_, files, other);
  save(trainer.checkpoint());
  EvaluationOptions in_memory = options();
  in_memory.data = directory_.path();
  const Preprocessing seen = evaluate(in_memory, *backend_).preprocessing;
  CHECK(seen.view == ImageExtent{24, 24});
  CHECK(seen.resize == 27);
  CHECK(seen.interpolation == Interpolation::bicubic);
  CHECK(seen.normalization.mean == std::array<float, 3>{0.1F, 0.2F, 0.3F});
  CHECK(seen.normalization.deviation == files.normalization.deviation);
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: pixels need no run, and both protocols run") {
  EvaluationOptions pixels;
  pixels.data = directory_.path();
  pixels.features = "pixels";
  pixels.protocol = {"linear", "knn"};
  pixels.limit = 48;
  const Evaluation result = evaluate(pixels, *backend_);
  CHECK_FALSE(result.checkpoint);
  CHECK(result.feature_dim == 32 * 32 * 3);
  CHECK(result.train.count() == 48);
  CHECK(result.knn->k == 48);
  REQUIRE(result.notes.size() == 2);
  CHECK(result.notes.front().find(": not there: data_batch_2.bin, ") != std::string::npos);
  CHECK(result.notes.back() == "k is 48, all training images, instead of 200");
  CHECK(result.linear_top1 > 50.0);  // chance is 25
}

TEST_CASE_FIXTURE(EvaluationTest, "evaluation: what cannot be is refused by name") {
  const auto contains = [&](const EvaluationOptions& options, const std::string& words) {
    const std::string message = message_of(options);
    INFO(message);
    CHECK(message.find(words) != std::string::npos);
  };
  EvaluationOptions wrong = options();
  wrong.protocol = {"svm"};
  contains(wrong, "protocol: 'svm' is not known; choose from knn, linear");
  wrong = options();
  wrong.features = "projector";
  contains(wrong, "features: 'projector' is not known");
  wrong = options();
  wrong.features = "pixels";
  wrong.random_init = true;
  contains(wrong, "pixels have no weights");
  wrong = options();
  wrong.run = directory_.file("none");
  contains(wrong, "no run directory or checkpoint: " + wrong.run);
  wrong = options();
  wrong.run.clear();
  contains(wrong, "name a run directory or a checkpoint");
  wrong = options();
  wrong.run.clear();
  wrong.features = "pixels";
  contains(wrong, "data: name a directory of images");
}

}  // namespace
}  // namespace amcl
