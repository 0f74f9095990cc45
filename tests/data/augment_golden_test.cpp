// The views of tools/augment_goldens.py, which torchvision made, against every backend of the host.
#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "engine/backend/open.h"
#include "engine/io/safetensors.h"

namespace amcl {
namespace {

ViewParameters parameters_of(const double* row) {
  ViewParameters view;
  view.top = static_cast<int32_t>(row[3]);
  view.left = static_cast<int32_t>(row[4]);
  view.height = static_cast<int32_t>(row[5]);
  view.width = static_cast<int32_t>(row[6]);
  view.flip = row[7] != 0.0;
  view.jitter = row[8] != 0.0;
  for (size_t place = 0; place < 4; ++place)
    view.order[place] = static_cast<ColorOp>(static_cast<int>(row[9 + place]));
  view.brightness = static_cast<float>(row[13]);
  view.contrast = static_cast<float>(row[14]);
  view.saturation = static_cast<float>(row[15]);
  view.hue = static_cast<float>(row[16]);
  view.grayscale = row[17] != 0.0;
  view.blur_sigma = static_cast<float>(row[18]);
  return view;
}

template <class T>
T parse(const std::string& text) {
  std::istringstream stream(text);
  T result;
  for (auto& value : result) stream >> value;
  return result;
}

// Tolerance 1e-4 before the normalisation (conventions.md), which divides by at least 0.24.
void check_goldens(Backend& backend, const SafetensorsFile& file) {
  const Tensor images[] = {Tensor::from_host<uint8_t>(backend, {1, 13, 17, 3},
                                                      file.tensors.at("noise").values<uint8_t>()),
                           Tensor::from_host<uint8_t>(backend, {1, 24, 20, 3},
                                                      file.tensors.at("smooth").values<uint8_t>())};
  const auto parameters = file.tensors.at("parameters").values<double>();
  const auto views = file.tensors.at("views").values<float>();
  ImageNormalization normalization;
  normalization.mean = parse<std::array<float, 3>>(file.metadata.at("mean"));
  normalization.deviation = parse<std::array<float, 3>>(file.metadata.at("deviation"));
  std::istringstream names(file.metadata.at("cases"));

  size_t offset = 0;
  for (const double* row = parameters.data(); row != parameters.data() + parameters.size();
       row += 19) {
    std::string name;
    names >> name;
    REQUIRE_FALSE(name.empty());
    const auto height = static_cast<int64_t>(row[1]);
    const auto width = static_cast<int64_t>(row[2]);
    Tensor y = Tensor::empty(backend, {1, height, width, 3}, DType::f32);
    const ViewParameters view = parameters_of(row);
    backend.augment(images[static_cast<size_t>(row[0])], {&view, 1}, normalization, y);
    float worst = 0.0f;
    for (const float value : y.to_host<float>())
      worst = std::max(worst, std::fabs(value - views.at(offset++)));
    INFO(backend.name(), ", case ", name);
    CHECK(worst < 1e-4f / 0.24f);
  }
  CHECK(offset == views.size());
}

TEST_CASE("augment: views agree with torchvision") {
  const SafetensorsFile file = read_safetensors(AMCL_TEST_DATA "/augment.safetensors");
  for (const char* name : {"plain", "cpu"}) check_goldens(*open_backend(name), file);
}

}  // namespace
}  // namespace amcl
