#include "train/commands/augment.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/backend/open.h"
#include "train/assembly/open_data.h"
#include "train/config/complete.h"
#include "train/pictures/view_picture.h"
#include "train/printable.h"

namespace amcl {
namespace {

constexpr int64_t kRows = 8;

using Record = nlohmann::ordered_json;

// The jitter's operations in the order in which they are applied; null without jitter.
Record jitter_record(const ViewParameters& view) {
  if (!view.jitter) return nullptr;
  Record record = Record::array();
  for (const ColorOp op : view.order) switch (op) {
      case ColorOp::brightness:
        record.push_back({{"brightness", view.brightness}});
        break;
      case ColorOp::contrast:
        record.push_back({{"contrast", view.contrast}});
        break;
      case ColorOp::saturation:
        record.push_back({{"saturation", view.saturation}});
        break;
      case ColorOp::hue:
        record.push_back({{"hue", view.hue}});
        break;
    }
  return record;
}

Record record_of(const PicturedView& pictured, int64_t row, int64_t column) {
  const ViewParameters& view = pictured.parameters;
  Record record;
  record["row"] = row;
  record["column"] = column;
  record["image"] = view.image;
  record["epoch"] = pictured.epoch;
  record["view"] = pictured.view + 1;
  record["top"] = view.top;
  record["left"] = view.left;
  record["height"] = view.height;
  record["width"] = view.width;
  record["flip"] = view.flip;
  record["jitter"] = jitter_record(view);
  record["grayscale"] = view.grayscale;
  record["blur_sigma"] = view.blur_sigma > 0.0f ? Record(view.blur_sigma) : Record(nullptr);
  record["solarize"] = view.solarize;
  return record;
}

}  // namespace

int run_augment(const Config& config, const AugmentOptions& options) {
  const std::unique_ptr<Backend> backend = open_backend(config.train.device);
  const Dataset dataset = open_data(*backend, config, config.data.split, config.data.limit);
  const AugmentPolicy policy = complete(config, dataset.view_extent()).augment;
  const ViewGrid grid =
      plan_view_grid(*backend, dataset, policy, config.train.seed, kRows, options.views);
  write_png(options.grid, draw_view_grid(*backend, dataset, grid));
  for (size_t row = 0; row < grid.views.size(); ++row)
    for (size_t column = 0; column < grid.views[row].size(); ++column)
      std::cout << json_text(record_of(grid.views[row][column], static_cast<int64_t>(row),
                                       static_cast<int64_t>(column) + 1))
                << '\n';
  std::cout.flush();
  for (const std::vector<std::string>& lines :
       {dataset.warnings, dataset.bad_images->take_messages()})
    for (const std::string& line : lines)
      std::fprintf(stderr, "amcl: warning: %s\n", printable(line).c_str());
  std::fprintf(
      stderr,
      "%s: originals on the left, then views 1 and 2 of epoch 0, of epoch 1, and so on, as "
      "pretrain --seed %llu sees them\n",
      printable(options.grid).c_str(), static_cast<unsigned long long>(config.train.seed));
  return 0;
}

}  // namespace amcl
