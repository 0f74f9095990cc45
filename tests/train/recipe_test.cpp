#include "train/config/recipe.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/core/check.h"
#include "tests/train/subprocess.h"
#include "train/config/config_resolve.h"

namespace amcl {
namespace {

TEST_CASE("recipe: each resolves without a warning and says what its numbers rest on") {
  std::set<std::string_view> names;
  for (const Recipe& recipe : recipes()) {
    CAPTURE(recipe.name);
    CHECK(names.insert(recipe.name).second);
    const ResolvedConfig resolved = resolve_config({.preset = std::string(recipe.name)});
    CHECK(resolved.warnings.empty());
    CHECK(resolved.config.data.data.empty());
    CHECK(resolved.config.train.out.empty());
    // What decides a result is written down, not left to the defaults of the program.
    for (const char* key : {"crop_scale",   "flip",
                            "jitter",       "jitter_strength",
                            "grayscale",    "blur",
                            "method",       "backbone",
                            "width",        "stem",
                            "heads",        "temperature",
                            "optimizer",    "lr",
                            "schedule",     "warmup_epochs",
                            "weight_decay", "decay_norm_bias",
                            "clip_norm",    "epochs",
                            "batch"}) {
      REQUIRE_MESSAGE(resolved.gives(key), key);
      CHECK_MESSAGE(resolved.origins.at(key).name == concat_text("preset ", recipe.name), key);
    }
    for (const char* part : {"# Source ", "# Expected ", "# Protocol "})
      CHECK_MESSAGE(recipe.text.find(part) != std::string_view::npos, part);
    CHECK(recipe.title().size() > 20);
    CHECK(recipe.title().size() <= 98);
  }
}

TEST_CASE("recipe: a file, the environment and flags win over a preset") {
  const test::TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[train]\nepochs = 70\nbatch = 32\n");
  const ResolvedConfig resolved = resolve_config({.preset = "solo-simclr",
                                                  .file = file,
                                                  .flags = {{"lr", "0.1"}},
                                                  .environment = {"AMCL_TRAIN_BATCH=16"}});
  CHECK(resolved.config.schedule.lr == 0.1);
  CHECK(resolved.config.train.batch == 16);
  CHECK(resolved.config.train.epochs == 70);
  CHECK(std::get<LarsSpec>(resolved.config.optimizer.rule).trust == 0.02);
  CHECK(resolved.origins.at("trust").name == "preset solo-simclr");
  CHECK(resolved.origins.at("trust").kind == OriginKind::preset);
  CHECK_FALSE(resolved.gives("seed"));
  // A choice that came later sets aside what the preset says about the other.
  CHECK_NOTHROW(resolve_config({.preset = "solo-simclr", .flags = {{"optimizer", "adamw"}}}));
}

TEST_CASE("recipe: a file may name the preset that it stands on") {
  const test::TemporaryDirectory directory;
  const std::string file =
      directory.write("a.toml", "preset = \"solo-simclr\"\n[train]\nepochs = 70\n");
  const ResolvedConfig resolved = resolve_config({.file = file});
  CHECK(std::get<LarsSpec>(resolved.config.optimizer.rule).trust == 0.02);
  CHECK(resolved.origins.at("trust").name == "preset solo-simclr");
  CHECK(resolved.config.train.epochs == 70);
  CHECK(std::holds_alternative<MocoOptions>(
      resolve_config({.preset = "lightly-moco", .file = file}).config.method));
  const std::string misspelt = directory.write("b.toml", "\npreset = \"solo-simcrl\"\n");
  CHECK_THROWS_WITH_AS(
      resolve_config({.file = misspelt}),
      (misspelt + ":2: preset solo-simcrl: there is no such recipe; the nearest is "
                  "solo-simclr (amcl config list)")
          .c_str(),
      Error);
  const std::string number = directory.write("c.toml", "preset = 1\n");
  CHECK_THROWS_WITH_AS(resolve_config({.file = number}),
                       (number + ":1: preset: must be a name in quotes").c_str(), Error);
}

TEST_CASE("recipe: channel statistics are the data set's, a preset's or a flag's") {
  using Three = std::array<double, 3>;
  CHECK_FALSE(resolve_config({.preset = "solo-simclr"}).config.data.reading.mean.has_value());
  const ResolvedConfig resolved =
      resolve_config({.preset = "lightly-moco", .flags = {{"deviation", "0.5,0.25,0.125"}}});
  CHECK(resolved.config.data.reading.mean == Three{0.485, 0.456, 0.406});
  CHECK(resolved.config.data.reading.deviation == Three{0.5, 0.25, 0.125});
  CHECK_THROWS_WITH_AS(
      resolve_config({.flags = {{"mean", "0.5,0.5"}}}),
      "--mean is '0.5,0.5': must be three numbers with commas, such as 0.485,0.456,0.406", Error);
}

TEST_CASE("recipe: an unknown name is refused with the nearest one") {
  CHECK_THROWS_WITH_AS(find_recipe("solo-simcrl"),
                       "--preset solo-simcrl: there is no such recipe; the nearest is solo-simclr "
                       "(amcl config list)",
                       Error);
}

}  // namespace
}  // namespace amcl
