#include "train/commands/evaluate.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/train/evaluation_fixture.h"

namespace amcl {
namespace {

class EvaluateCommandTest : public test::EvaluationFixture {
 protected:
  EvaluateOptions command() const {
    EvaluateOptions result;
    static_cast<EvaluationOptions&>(result) = options();
    return result;
  }
  static std::string printed_by(const EvaluateOptions& options) {
    std::ostringstream text;
    std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
    try {
      run_evaluate(options);
    } catch (const Error&) {
      std::cout.rdbuf(before);
      throw;
    }
    std::cout.rdbuf(before);
    return text.str();
  }
};

TEST_CASE_FIXTURE(EvaluateCommandTest, "evaluate: --json prints one object with every number") {
  EvaluateOptions both = command();
  both.json = true;
  both.protocol = {"knn", "linear"};
  both.limit = 50;
  const auto record = nlohmann::json::parse(printed_by(both));
  CHECK(record["knn_top1"].get<double>() > 0.0);
  CHECK(record["linear_top1"].get<double>() > 0.0);
  CHECK(record["k"] == 5);
  CHECK(record["temperature"] == 0.1);
  CHECK(record["train_images"] == 50);
  CHECK(record["test_images"] == test::kTestImages);
  CHECK(record["checkpoint"] == path_);
  CHECK(record["seconds"].is_number());
  CHECK(record["linear_held_out_top1"].size() == 5);
  CHECK(record["features"] == "backbone");
  CHECK(record["size"] == 32);
  CHECK(record["resize"] == 32);
  CHECK(record["interpolation"] == "bilinear");
  CHECK(record["mean"][1].get<float>() == dataset_.normalization.mean[1]);
  CHECK(record["deviation"][2].get<float>() == dataset_.normalization.deviation[2]);

  EvaluateOptions knn = command();
  knn.json = true;
  const auto only_knn = nlohmann::json::parse(printed_by(knn));
  CHECK(only_knn["linear_top1"].is_null());
  CHECK(only_knn["knn_top1"].is_number());
}

TEST_CASE_FIXTURE(EvaluateCommandTest, "evaluate: the text names protocol, data and baseline") {
  EvaluateOptions options = command();
  options.random_init = true;
  const std::string text = printed_by(options);
  INFO(text);
  for (const char* words : {"CIFAR-10: 60 training and 40 test images", "backbone, untrained, 32",
                            "images      32 x 32 from the centre, shorter side at 32 (bilinear)",
                            "(as in the run)\n", "% top-1 (k 5, temperature 0.1)"})
    CHECK(text.find(words) != std::string::npos);
}

TEST_CASE_FIXTURE(EvaluateCommandTest, "evaluate: --neighbours draws a picture, also without knn") {
  EvaluateOptions options = command();
  options.protocol = {"linear"};
  options.neighbours = directory_.file("neighbours.png");
  printed_by(options);
  CHECK(std::filesystem::file_size(options.neighbours) > 1000);

  // The numbers are printed before the picture fails.
  options.protocol = {"knn"};
  options.neighbours = directory_.file("none/neighbours.png");
  CHECK_THROWS_WITH_AS(printed_by(options), doctest::Contains("none/neighbours.png"), Error);
}

}  // namespace
}  // namespace amcl
