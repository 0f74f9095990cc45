#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "train/assembly/open_data.h"
#include "train/commands/command_table.h"
#include "train/commands/config_flags.h"
#include "train/commands/option.h"
#include "train/config/complete.h"
#include "train/exit_code.h"
#include "train/pictures/view_picture.h"
#include "train/printable.h"

namespace amcl {
namespace {

struct Options {
  explicit Options(CLI::App& app) : flags(app, {"data", "augment", "train.seed", "train.device"}) {}

  ConfigFlags flags;
  std::string grid;   // PNG to write
  int64_t views = 8;  // of each image
};

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

// Writes the picture and prints a JSON object for each view.
void draw(const Config& config, const Options& options) {
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
}

int run(const Options& options) {
  const ResolvedConfig resolved = options.flags.resolve();
  print_warnings(resolved);
  if (resolved.config.data.data.empty())
    fail(ErrorKind::usage, "--data is missing: name a directory of images, or shapes10");
  if (options.grid.empty())
    fail(ErrorKind::usage, "--grid is missing: name the picture to write, such as views.png");
  draw(resolved.config, options);
  return kExitDone;
}

}  // namespace

void add_augment_command(CommandTable& table, CLI::App& root) {
  auto options = std::make_shared<std::unique_ptr<Options>>();
  CLI::App* app = table.add(
      root, "augment", "draw images beside the views of them that training sees",
      {.usage = "amcl augment --data DIR|FILE|shapes10 --grid FILE.png [options]",
       .examples = {"amcl augment --data shapes10 --grid views.png",
                    "amcl augment --config runs/first/config.toml --grid views.png --views 4"},
       .run = [options](const GlobalOptions&) { return run(**options); }});
  *options = std::make_unique<Options>(*app);
  add_value(*app, "--grid", (*options)->grid,
            {.value = "FILE.png", .help = "picture to write; the parameters go to stdout as JSON"})
      ->group("Output");
  add_value(*app, "--views", (*options)->views,
            {.value = "N",
             .help = "views of each image, two of every epoch from the first on",
             .range = {.low = 1, .high = 64}})
      ->group("Output");
}

}  // namespace amcl
