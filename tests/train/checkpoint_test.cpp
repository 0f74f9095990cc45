#include "train/checkpoint/checkpoint.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "engine/core/check.h"
#include "tests/io/scratch_directory.h"
#include "tests/train/small_run.h"
#include "train/checkpoint/checkpoint_tensors.h"

namespace amcl {
namespace {

using test::small_config;
using test::SmallRun;

TrainerState some_state() {
  return {.epoch = 3,
          .step = 117,
          .seed = std::numeric_limits<uint64_t>::max(),
          .threads = 2,
          .config = "[train]\nout = \"a \\\" b\"\n",
          .data_fingerprint = "abc",
          .commit = "0123"};
}

TEST_CASE("checkpoint: everything comes back to the bit") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  SmallRun saved(small_config(), 1.0F);
  write_safetensors(path, saved.checkpoint(some_state()), true);

  SmallRun loaded(small_config(), -9.0F);
  REQUIRE(loaded.everything() != saved.everything());
  const Checkpoint checkpoint = read_checkpoint(path);
  load_weights(checkpoint, loaded.visit());
  load_optimizer(checkpoint, *loaded.arena, loaded.memories);
  CHECK(loaded.everything() == saved.everything());

  const TrainerState expected = some_state();
  CHECK(checkpoint.state.epoch == expected.epoch);
  CHECK(checkpoint.state.step == expected.step);
  CHECK(checkpoint.state.seed == expected.seed);
  CHECK(checkpoint.state.threads == expected.threads);
  CHECK(checkpoint.state.config == expected.config);
  CHECK(checkpoint.state.data_fingerprint == expected.data_fingerprint);
  CHECK(checkpoint.state.commit == expected.commit);
  CHECK(load_probe(checkpoint, *loaded.backend).images.shape() == Shape{2, 4, 4, 3});
}

Metadata metadata_of(const EncoderMetadata& encoder) {
  return to_metadata(encoder);
}

std::string complaint_about(const Metadata& metadata, const ImageExtent& probe) {
  try {
    encoder_metadata_from(metadata, probe, "a");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    return error.what();
  }
  return {};
}

TEST_CASE("checkpoint: flat metadata tell all that it takes to open the encoder") {
  const EncoderMetadata encoder{
      .backbone = "resnet50",
      .stem = "imagenet",
      .width = 64,
      .preprocessing = {.view = {224, 224},
                        .resize = 256,
                        .interpolation = Interpolation::bicubic,
                        .normalization = {.mean = {0.4914F, 0.1F, 1e-7F},
                                          .deviation = {0.247F, 1, 1.0F / 3}}},
      .classes = 3,
      .class_names = {"a \"b\"\n", "", "c"}};
  const Metadata metadata = metadata_of(encoder);
  CHECK(metadata.at("backbone") == "resnet50");
  CHECK(metadata.at("stem") == "imagenet");
  CHECK(metadata.at("width") == "64");
  CHECK(metadata.at("channels") == "3");
  CHECK(metadata.at("size") == "224");
  CHECK(metadata.at("resize") == "256");
  CHECK(metadata.at("interpolation") == "bicubic");
  CHECK(metadata.at("normalization_mean") == "0.4914 0.1 1e-07");
  CHECK(metadata.at("classes") == "3");
  const EncoderMetadata read = encoder_metadata_from(metadata, {224, 224}, "a");
  CHECK(metadata_of(read) == metadata);
  CHECK(read.class_names == encoder.class_names);
  CHECK(read.preprocessing.normalization.deviation ==
        encoder.preprocessing.normalization.deviation);

  EncoderMetadata wide = encoder;
  wide.preprocessing.view = {20, 30};
  wide.preprocessing.resize = 20;
  CHECK(metadata_of(wide).at("size") == "20 30");
  CHECK(encoder_metadata_from(metadata_of(wide), {20, 30}, "a").preprocessing.view ==
        ImageExtent{20, 30});
}

TEST_CASE("checkpoint: metadata that cannot be are refused by key") {
  const Metadata good = metadata_of(SmallRun::encoder());
  REQUIRE(complaint_about(good, {4, 4}).empty());
  REQUIRE(complaint_about(good, {}).empty());  // without a probe
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"size", "4096"},
                                                        {"size", "4 5"},
                                                        {"resize", "3"},
                                                        {"resize", "9"},
                                                        {"resize", "1000000000000000000"},
                                                        {"interpolation", "nearest"},
                                                        {"width", "0"},
                                                        {"width", "-1"},
                                                        {"width", "1e3"},
                                                        {"channels", "4"},
                                                        {"normalization_mean", "nan 0 0"},
                                                        {"normalization_mean", "2 0 0"},
                                                        {"normalization_deviation", "0 1 1"},
                                                        {"normalization_deviation", "1 1 inf"},
                                                        {"normalization_deviation", "1 1"},
                                                        {"classes", "0"},
                                                        {"class_names", "{}"},
                                                        {"class_names", "[1]"},
                                                        {"class_names", "[[[["}}) {
    Metadata bad = good;
    bad[key] = value;
    const std::string complaint = complaint_about(bad, {4, 4});
    INFO(complaint);
    CHECK(complaint.find('\'' + key + '\'') != std::string::npos);
    CHECK(complaint.starts_with("a is no valid checkpoint"));
  }
  for (const char* size : {"0", "4097", "", " ", "4 ", "4 4 4", "x"}) {
    Metadata bad = good;
    bad["size"] = size;
    CHECK_FALSE(complaint_about(bad, {}).empty());
  }
}

TEST_CASE("checkpoint: of one without the encoder's metadata, the probe tells the view") {
  Metadata old = metadata_of(SmallRun::encoder());
  for (const char* key :
       {"backbone", "stem", "width", "channels", "size", "resize", "interpolation"})
    old.erase(key);
  const EncoderMetadata read = encoder_metadata_from(old, {32, 32}, "a");
  CHECK(read.backbone.empty());
  CHECK(read.preprocessing.view == ImageExtent{32, 32});
  CHECK(read.preprocessing.interpolation == Interpolation::bilinear);
  CHECK(encoder_metadata_from(old, {}, "a").preprocessing.view == ImageExtent{});
}

TEST_CASE("checkpoint: names and shapes are torchvision's, heads stand apart") {
  SmallRun run;
  TrainerState state;
  state.step = 12;
  const SafetensorsFile file = run.checkpoint(state);
  const auto shape_of = [&](const std::string& name) {
    REQUIRE_MESSAGE(file.tensors.contains(name), name);
    return file.tensors.at(name).shape;
  };
  using Extents = std::vector<int64_t>;
  CHECK(shape_of("backbone.conv1.weight") == Extents{4, 3, 3, 3});
  CHECK(shape_of("backbone.layer2.0.downsample.0.weight") == Extents{8, 4, 1, 1});
  CHECK(shape_of("backbone.layer4.1.bn2.running_var") == Extents{32});
  CHECK(shape_of("projector.0.0.weight") == Extents{5, 32});
  CHECK(shape_of("projector.1.2.weight") == Extents{3, 5});
  CHECK(shape_of("projector.1.2.bias") == Extents{3});
  CHECK(shape_of("optimizer.velocity.projector.1.2.bias") == Extents{3});
  CHECK(shape_of("optimizer.velocity.backbone.conv1.weight") == Extents{4, 3, 3, 3});
  CHECK(shape_of("backbone.bn1.num_batches_tracked").empty());
  CHECK(file.tensors.at("backbone.bn1.num_batches_tracked").values<int64_t>() == Extents{12});
  // ResNet-18 without fc: 122 entries of which two are of fc.
  int64_t backbone = 0;
  for (const auto& [name, entry] : file.tensors) backbone += name.starts_with("backbone.") ? 1 : 0;
  CHECK(backbone == 120);
}

TEST_CASE("checkpoint: of every method, everything comes back to the bit") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  for (const char* method : {"moco", "barlow", "simsiam", "byol", "lejepa"}) {
    CAPTURE(method);
    const bool moco = std::string_view(method) == "moco";
    test::Settings settings{{"method", method}};
    if (moco) settings["queue"] = "6";
    if (!method_traits(method).has_amcl) settings["temperature"] = "fixed";
    const Config config = small_config(settings);
    SmallRun saved(config, 1.0F);
    write_safetensors(path, saved.checkpoint(some_state()), true);
    SmallRun loaded(config, -9.0F);
    const Checkpoint checkpoint = read_checkpoint(path);
    load_weights(checkpoint, loaded.visit());
    load_optimizer(checkpoint, *loaded.arena, loaded.memories);
    CHECK(loaded.everything() == saved.everything());
    CHECK(checkpoint.file.tensors.contains("projector.1.0.weight"));
    if (!moco) continue;
    using Extents = std::vector<int64_t>;
    CHECK(checkpoint.file.tensors.at("queue.1.keys").shape == Extents{6, 3});
    CHECK(checkpoint.file.tensors.at("momentum_encoder.backbone.layer2.0.downsample.0.weight")
              .shape == Extents{8, 4, 1, 1});
    CHECK(checkpoint.file.tensors.at("momentum_encoder.projector.1.0.bias").shape == Extents{5});
    CHECK_FALSE(checkpoint.file.tensors.contains("optimizer.velocity.queue.1.keys"));
  }
}

TEST_CASE("checkpoint: filters are stored as OIHW") {
  const StoredTensor stored = stored_tensors("w", Shape{2, 1, 2, 3}, false).front();
  CHECK(stored.shape == std::vector<int64_t>{2, 3, 1, 2});
  const std::vector<float> krsc = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const SafetensorsEntry entry = store(stored, krsc);
  CHECK(entry.values<float>() == std::vector<float>{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11});
  std::vector<float> back(krsc.size());
  restore(stored, entry, back);
  CHECK(back == krsc);
}

TEST_CASE("checkpoint: one without the counters of PyTorch loads") {
  SmallRun run;
  Checkpoint checkpoint{.path = "a", .file = run.checkpoint(), .state = {}};
  CHECK(std::erase_if(checkpoint.file.tensors, [](const auto& tensor) {
          return tensor.first.ends_with("num_batches_tracked");
        }) == 20);
  CHECK_NOTHROW(load_weights(checkpoint, run.visit()));
}

std::string message_of_loading(const Checkpoint& checkpoint, SmallRun& run) {
  const std::vector<float> before = run.everything();
  std::string message;
  try {
    load_weights(checkpoint, run.visit());
    load_optimizer(checkpoint, *run.arena, run.memories);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    message = error.what();
    CHECK(message.find('\n') == std::string::npos);
    CHECK(run.everything() == before);
  }
  return message;
}

TEST_CASE("checkpoint: of another model, it is refused by name and the model is left alone") {
  SmallRun run;
  SmallRun other(small_config({{"width", "8"}}));
  const Checkpoint checkpoint{.path = "runs/a", .file = other.checkpoint(), .state = {}};
  const std::string message = message_of_loading(checkpoint, run);
  INFO(message);
  CHECK(message.find("runs/a is a checkpoint of another model: 102 of another shape") == 0);
  CHECK(message.find("backbone.bn1.bias is [8], here [4]") != std::string::npos);
}

TEST_CASE("checkpoint: missing and unexpected tensors are listed and counted") {
  SmallRun run;
  SmallRun other(small_config({{"heads", "3"}}));
  const Checkpoint of_three{.path = "a", .file = other.checkpoint(), .state = {}};
  const std::string unexpected = message_of_loading(of_three, run);
  INFO(unexpected);
  CHECK(unexpected.find("4 not of this model (projector.2.0.bias, projector.2.0.weight, "
                        "projector.2.2.bias, ...)") != std::string::npos);
  const Checkpoint of_two{.path = "a", .file = run.checkpoint(), .state = {}};
  CHECK(message_of_loading(of_two, other).find("4 missing (projector.2.0.bias, ") !=
        std::string::npos);

  Checkpoint without_velocity = of_two;
  without_velocity.file.tensors.erase("optimizer.velocity.backbone.bn1.bias");
  CHECK(message_of_loading(without_velocity, run)
            .find("another optimiser: 1 missing (optimizer.velocity.backbone.bn1.bias)") !=
        std::string::npos);
}

std::string message_of_reading(const std::string& path) {
  try {
    read_checkpoint(path);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::data);
    return error.what();
  }
  return {};
}

TEST_CASE("checkpoint: truncated, flipped and foreign files are refused") {
  const test::ScratchDirectory directory;
  const std::string path = directory.file("a.safetensors");
  const auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  SmallRun run;
  write_safetensors(path, run.checkpoint(some_state()), true);
  REQUIRE(message_of_reading(path).empty());

  const uintmax_t size = std::filesystem::file_size(path);
  std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(size - size / 3)).put('\x55').flush();
  CHECK(contains(message_of_reading(path), "is damaged: its CRC-32C"));
  std::filesystem::resize_file(path, size / 2);
  CHECK(contains(message_of_reading(path), "is truncated"));

  write_safetensors(path, run.checkpoint(some_state()), false);
  CHECK(contains(message_of_reading(path), "has lost its CRC-32C"));
  SafetensorsFile foreign;
  foreign.tensors["conv1.weight"] = SafetensorsEntry::from<float>({1}, {1});
  write_safetensors(path, foreign, true);
  CHECK(contains(message_of_reading(path), "is no amcl checkpoint: its metadata lacks"));
  SafetensorsFile newer = run.checkpoint(some_state());
  newer.metadata["format_version"] = "2";
  write_safetensors(path, newer, true);
  CHECK(contains(message_of_reading(path), "has checkpoint format 2, this program reads up to 1"));
  SafetensorsFile odd = run.checkpoint(some_state());
  for (const auto& [key, value] :
       {std::pair{"step", "-1"}, {"threads", "0"}, {"normalization_mean", "1 2"}}) {
    odd.metadata[key] = value;
    write_safetensors(path, odd, true);
    CHECK(contains(message_of_reading(path), concat_text("'", key, "' cannot be '", value, "'")));
    odd = run.checkpoint(some_state());
  }
}

}  // namespace
}  // namespace amcl
