// Encoders in files of this program and of others.
#include "train/encoder/encoder_file.h"

#include <doctest/doctest.h>

#include "data/views/evaluation_batches.h"
#include "tests/support/compare.h"
#include "tests/train/evaluation_fixture.h"
#include "train/encoder/encoder.h"
#include "train/encoder/export.h"

namespace amcl {
namespace {

using Renaming = std::function<std::string(const std::string&)>;

class EncoderFileTest : public test::EvaluationFixture {
 protected:
  EncoderFile read(const std::string& path) const {
    return read_encoder_file(path, [](const std::string&) {});
  }
  std::vector<float> features(const std::string& path) const {
    const Encoder encoder(read(path), *backend_, DType::f32);
    return encoder.features(evaluation_batch(*backend_, dataset_, 0, 10)).to_host<float>();
  }
  // Of the checkpoint, which the test makes.
  std::vector<float> trained() const { return features(path_); }
  // What another program might have stored: the backbone under other names, and no metadata.
  SafetensorsFile renamed(const Renaming& rename) const {
    SafetensorsFile file;
    for (const auto& [name, entry] : read(path_).file.tensors)
      file.tensors.emplace(rename(name), entry);
    return file;
  }
  std::string write(const SafetensorsFile& file) const {
    const std::string path = directory_.file("other.safetensors");
    write_safetensors(path, file, false);
    return path;
  }
  std::string refusal(const std::string& path) const {
    try {
      read(path);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::data);
      return error.what();
    }
    return "accepted";
  }
};

// "layer1.0.conv1.weight" -> "4.0.conv1.weight"
std::string numbered(const std::string& name) {
  const std::pair<const char*, const char*> modules[] = {{"conv1.", "0."},  {"bn1.", "1."},
                                                         {"layer1.", "4."}, {"layer2.", "5."},
                                                         {"layer3.", "6."}, {"layer4.", "7."}};
  for (const auto& [module, number] : modules)
    if (name.starts_with(module)) return number + name.substr(std::string_view(module).size());
  return name;
}

TEST_CASE_FIXTURE(EncoderFileTest, "encoder file: a checkpoint and its export compute as the run") {
  for (int step = 0; step < 3; ++step) trainer_.step();
  save(trainer_.checkpoint());
  const Tensor in_training = trainer_.method().features(
      evaluation_batch(*backend_, dataset_, 0, 10), {.phase = Phase::eval});
  const Encoder encoder(read(path_), *backend_, DType::f32);
  CHECK(test::difference(encoder.features(evaluation_batch(*backend_, dataset_, 0, 10)),
                         in_training, 1e-5) == "");
  const std::string exported = directory_.file("exported.safetensors");
  write_encoder(read(path_), "encoder.", exported);
  CHECK(features(exported) == trained());
  const EncoderFile file = read(exported);
  CHECK(file.naming == "torchvision's names after 'encoder.'");
  REQUIRE(file.metadata);
  CHECK(file.metadata->preprocessing.view == ImageExtent{32, 32});
  CHECK_FALSE(file.file.metadata.contains("config"));
  // PyTorch's strict loading wants the counters.
  CHECK(read_safetensors(exported).tensors.at("encoder.bn1.num_batches_tracked").dtype == "I64");
}

TEST_CASE_FIXTURE(EncoderFileTest, "encoder file: names of other programs lead to the backbone") {
  for (const Renaming& rename : std::initializer_list<Renaming>{
           [](const std::string& name) { return name; },
           [](const std::string& name) { return "module." + name; },
           [](const std::string& name) { return "backbone." + numbered(name); },
           [](const std::string& name) { return numbered(name); }}) {
    const std::string path = write(renamed(rename));
    CAPTURE(read(path).naming);
    CHECK(features(path) == trained());
    CHECK_FALSE(read(path).metadata);
    CHECK_FALSE(is_checkpoint_of_run(path));
  }
}

TEST_CASE_FIXTURE(EncoderFileTest, "encoder file: of two encoders the one that is trained counts") {
  SafetensorsFile file = renamed([](const std::string& name) { return "encoder_q." + name; });
  for (auto& [name, entry] :
       renamed([](const std::string& name) { return "encoder_k." + name; }).tensors) {
    entry.data.assign(entry.data.size(), std::byte{0});
    file.tensors.emplace(name, entry);
  }
  file.tensors.emplace("encoder_q.fc.0.weight",
                       SafetensorsEntry::from<float>({1, 1}, std::vector<float>{1.0F}));
  const std::string path = write(file);
  CHECK(read(path).naming == "torchvision's names after 'encoder_q.'");
  CHECK(features(path) == trained());
  CHECK(read(path).left_out.size() == 101);  // the other encoder's and fc
}

TEST_CASE_FIXTURE(EncoderFileTest, "encoder file: what is no whole ResNet is refused by name") {
  const auto plain = [](const std::string& name) { return name; };
  SafetensorsFile missing = renamed(plain);
  missing.tensors.erase("layer2.0.bn1.bias");
  CHECK_THROWS_WITH_AS(features(write(missing)),
                       doctest::Contains("does not hold a whole resnet18 of width 4: 1 missing "
                                         "(layer2.0.bn1.bias)"),
                       Error);
  SafetensorsFile reshaped = renamed(plain);
  reshaped.tensors.at("layer3.0.bn1.bias") =
      SafetensorsEntry::from<float>({3}, std::vector<float>(3));
  CHECK_THROWS_WITH_AS(features(write(reshaped)),
                       doctest::Contains("layer3.0.bn1.bias is [3], here [16]"), Error);
  // Nothing is made of a size that the file has not.
  SafetensorsFile wide = renamed(plain);
  wide.tensors.at("conv1.weight") =
      SafetensorsEntry::from<float>({5000, 3, 3, 3}, std::vector<float>(5000 * 27));
  CHECK(refusal(write(wide))
            .find("layer4.0.conv2.weight is [32, 32, 3, 3], in a resnet18 of width "
                  "5000 [40000, 40000, 3, 3]") != std::string::npos);
  SafetensorsFile window = renamed(plain);
  window.tensors.at("conv1.weight") =
      SafetensorsEntry::from<float>({4, 3, 5, 5}, std::vector<float>(300));
  CHECK(refusal(write(window)).find("3 x 3 (stem cifar) or 7 x 7") != std::string::npos);
  SafetensorsFile short_one = renamed(plain);
  std::erase_if(short_one.tensors,
                [](const auto& tensor) { return tensor.first.starts_with("layer4.1."); });
  CHECK(refusal(write(short_one)).find("a ResNet of 2, 2, 2 and 1 basic blocks is not known") !=
        std::string::npos);
  SafetensorsFile other;
  other.tensors.emplace("weight", SafetensorsEntry::from<float>({1}, std::vector<float>{1.0F}));
  CHECK(refusal(write(other)).find("there is no ResNet in it") != std::string::npos);
  for (const char* begin : {"PK\x03\x04 archive", "\x80\x02 pickle"}) {
    const std::string path = directory_.file("model.pth");
    test::write_text(path, begin);
    CHECK(refusal(path).find("is a pickle of PyTorch's, which can run any code; convert it where "
                             "you trust it: python -c") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(EncoderFileTest,
                  "encoder file: a run takes the backbone, and its followers too") {
  trainer_.step();
  save(trainer_.checkpoint());
  const std::string exported = directory_.file("exported.safetensors");
  write_encoder(read(path_), "", exported);
  const EncoderFile encoder = read(exported);
  for (const char* method : {"moco", "byol"}) {
    CAPTURE(method);
    Trainer trainer(*backend_, dataset_, test::tiny_config(method, "fixed", {{"seed", "2"}}));
    trainer.initialize_backbone(encoder);
    const SafetensorsFile begun = trainer.checkpoint();
    for (const auto& tensor : encoder.file.tensors) {
      const std::string& name = tensor.first;
      CAPTURE(name);
      CHECK(begun.tensors.at("backbone." + name).data == tensor.second.data);
      const bool parameter = name.find("running") == std::string::npos;  // statistics are its own
      if (parameter)
        CHECK(begun.tensors.at("momentum_encoder.backbone." + name).data == tensor.second.data);
    }
  }
  Trainer wider(*backend_, dataset_, test::tiny_config({{"width", "8"}}));
  CHECK_THROWS_WITH_AS(wider.initialize_backbone(encoder),
                       doctest::Contains("holds a resnet18 of width 4 (cifar stem), the run's is a "
                                         "resnet18 of width 8 (cifar stem); give --backbone"),
                       Error);
}

TEST_CASE_FIXTURE(EncoderFileTest, "encoder file: every backbone and stem is recognised") {
  for (const std::string& backbone : backbone_names())
    for (const std::string& stem : stem_names()) {
      CAPTURE(backbone);
      CAPTURE(stem);
      const Config config =
          test::tiny_config({{"backbone", backbone}, {"stem", stem}, {"width", "2"}});
      const Dataset images = test::random_dataset(*backend_, 8, 32);
      Trainer trainer(*backend_, images, config);
      save(trainer.checkpoint());
      const ResNetOptions found = read(path_).backbone;
      CHECK(found.backbone == backbone);
      CHECK(found.stem == stem);
      CHECK(found.width == 2);
    }
}

}  // namespace
}  // namespace amcl
