#include "train/run/verification.h"

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

#include "tests/train/evaluation_fixture.h"
#include "train/commands/verify_run.h"

namespace amcl {
namespace {

using test::EvaluationFixture;

TEST_CASE_FIXTURE(EvaluationFixture, "verification: an intact checkpoint reproduces its features") {
  const Verification found = verify_checkpoint(path_, *backend_, 0);
  CHECK(found.same_bits);
  CHECK(found.probe_images == 8);
  CHECK(found.model == "resnet18 of width 4, 2 heads");
}

TEST_CASE_FIXTURE(EvaluationFixture,
                  "verification: weights that compute something else are found") {
  SafetensorsFile changed = trainer_.checkpoint();
  SafetensorsEntry& bias = changed.tensors.at("backbone.layer4.1.bn2.bias");
  std::vector<float> values = bias.values<float>();
  for (float& value : values) value += 0.01F;
  bias = SafetensorsEntry::from(bias.shape, values);
  save(changed);  // with a CRC that fits
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("features of its 8 probe images differ"), Error);
}

TEST_CASE_FIXTURE(EvaluationFixture, "verification: a lost optimiser or probe is named") {
  SafetensorsFile changed = trainer_.checkpoint();
  changed.tensors.erase("optimizer.velocity.backbone.conv1.weight");
  save(changed);
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("another optimiser: 1 missing"), Error);
  changed = trainer_.checkpoint();
  changed.tensors.erase("probe.features");
  save(changed);
  CHECK_THROWS_WITH_AS(verify_checkpoint(path_, *backend_, 0),
                       doctest::Contains("holds no probe.features"), Error);
}

TEST_CASE_FIXTURE(EvaluationFixture, "verify: all checkpoints of a run, also after a damaged one") {
  SafetensorsFile earlier = trainer_.checkpoint();
  earlier.metadata["step"] = "7";
  for (const char* name : {"checkpoint-step-7.safetensors", "checkpoint-step-6.safetensors"})
    write_safetensors(directory_.file(name), earlier, true);
  for (const std::string& path : {path_, directory_.file("checkpoint-step-7.safetensors")}) {
    std::string content = test::read_text(path);
    content[content.size() - 5] ^= 0x40;
    test::write_text(path, content);
  }
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  std::string message;
  try {
    run_verify({.run = directory_.path()});
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    message = error.what();
  }
  std::cout.rdbuf(before);
  CHECK(message.find("2 of the 3 checkpoints of " + directory_.path() + " are damaged: " + path_) ==
        0);
  const std::string printed = text.str();
  INFO(printed);
  CHECK(printed.find(path_ + " is damaged") == 0);
  CHECK(printed.find("checkpoint-step-7.safetensors is damaged") != std::string::npos);
  CHECK(printed.find("checkpoint-step-6.safetensors\n  file      intact") != std::string::npos);
}

TEST_CASE_FIXTURE(EvaluationFixture, "verify: says what was checked") {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  const int code = run_verify({.run = path_});
  std::cout.rdbuf(before);
  CHECK(code == 0);
  const std::string printed = text.str();
  INFO(printed);
  CHECK(printed.find(path_) == 0);
  for (const char* words :
       {"intact: CRC-32C", "resnet18 of width 4, 2 heads: weights and optimiser",
        "epoch 0, step 0, seed 1", "8 probe images", "the same to the bit"})
    CHECK(printed.find(words) != std::string::npos);
}

}  // namespace
}  // namespace amcl
