// Settings from all sources, checks, TOML both ways, differences between two runs.
#include "train/config/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/core/check.h"
#include "tests/train/subprocess.h"
#include "tests/train/tiny_training.h"
#include "train/config/complete.h"
#include "train/config/config_resolve.h"
#include "train/config/config_toml.h"
#include "train/config/known_setting.h"
#include "train/config/setting_name.h"
#include "train/config/setting_value.h"
#include "train/config/stored_config.h"
#include "train/config/synonym.h"
#include "train/config/toml_limits.h"

namespace amcl {
namespace {

using test::TemporaryDirectory;

Config unusual() {
  return test::config_with({{"data", "a \"quoted\" dir\\with\ttabs \xc3\xa9"},
                            {"limit", "8000"},
                            {"deviation", "0.30000000000000004,1e-07,1"},
                            {"crop_scale", "0.30000000000000004,0.3333333333333333"},
                            {"jitter_strength", "1e-07,2,0.25,0.5"},
                            {"interpolation", "bicubic"},
                            {"blur", "1,0.1"},
                            {"solarize", "0,0.2"},
                            {"backbone", "resnet50"},
                            {"heads", "3"},
                            {"bn_views", "joint"},
                            {"temperature", "adaptive"},
                            {"temperature_low", "1e-05"},
                            {"reducer", "topk"},
                            {"topk", "7"},
                            {"with_positive", "false"},
                            {"beta_negative", "0"},
                            {"optimizer", "lars"},
                            {"lr", "6.02e-23"},
                            {"schedule", "step"},
                            {"milestones", "0.3333333333333333,60"},
                            {"decay_norm_bias", "false"},
                            {"seed", "9007199254740993"},
                            {"overwrite", "true"}});
}

std::string text_of(const ResolvedConfig& resolved, const std::string& key) {
  return value_of(resolved.config, key).value_or("none");
}

std::string origin_of(const ResolvedConfig& resolved, const std::string& key) {
  return resolved.gives(key) ? resolved.origins.at(key).name : "usual";
}

std::string refusal(const ConfigSources& sources) {
  try {
    resolve_config(sources);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("config: TOML reads back to the same bits") {
  for (const Config& config : {usual_config(), unusual()}) {
    const std::string text = to_toml(config);
    const Config back = config_from_toml(text, "text");
    CHECK(differences_of(config, back).empty());
    CHECK(to_toml(back) == text);
  }
  CHECK(unusual().schedule.milestones == std::vector<double>{1.0 / 3.0, 60});
  CHECK(unusual().augment.crop_scale[0] == 0.1 + 0.2);
}

TEST_CASE("config: a preset over values of a file comes with a warning") {
  const TemporaryDirectory directory;
  const std::string file = directory.write(
      "a.toml", "[objective]\ntemperature = \"adaptive\"\nbeta = 0.3\nomega_a = 5.0\n");
  const ResolvedConfig resolved =
      resolve_config({.file = file, .flags = {{"objective", "amcl-topk"}}});
  REQUIRE(resolved.warnings.size() == 1);
  CHECK(resolved.warnings[0] ==
        "--objective does not change what the file or preset sets: beta, omega_a");
  CHECK(resolve_config({.file = file}).warnings.empty());
}

TEST_CASE("config: keys are unique, and so are flags and variables") {
  std::set<std::string> names;
  for (const KnownSetting& known : known_settings()) {
    const Setting& setting = known.setting;
    INFO(config_name_of(setting));
    CHECK(names.insert(setting.key).second);
    CHECK(names.insert(environment_name_of(setting)).second);
    CHECK(names.insert("--no-" + flag_of(setting.key).substr(2)).second);
    CHECK(names.insert(flag_of(setting.key)).second);
    CHECK(*setting.help != '\0');
  }
  CHECK(known_settings().size() > 80);
}

TEST_CASE("config: flags win over the environment, that over the file, that over defaults") {
  const TemporaryDirectory directory;
  const std::string file =
      directory.write("a.toml", "[train]\nbatch = 10\nepochs = 10\nseed = 10\n");
  const ResolvedConfig resolved =
      resolve_config({.file = file,
                      .flags = {{"batch", "30"}},
                      .assignments = {"model.width=30"},
                      .environment = {"AMCL_TRAIN_BATCH=20", "AMCL_TRAIN_EPOCHS=20", "PATH=/bin"}});
  CHECK(text_of(resolved, "batch") == "30");
  CHECK(origin_of(resolved, "batch") == "--batch");
  CHECK(text_of(resolved, "width") == "30");
  CHECK(resolved.origins.at("width").kind == OriginKind::flag);
  CHECK(text_of(resolved, "epochs") == "20");
  CHECK(origin_of(resolved, "epochs") == "AMCL_TRAIN_EPOCHS");
  CHECK(text_of(resolved, "seed") == "10");
  CHECK(origin_of(resolved, "seed") == file + ":4");
  CHECK(text_of(resolved, "weight_decay") == "0.0005");
  CHECK(origin_of(resolved, "weight_decay") == "usual");
}

TEST_CASE("config: the environment names the file where no flag does") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[train]\nbatch = 10\n");
  const std::string other = directory.write("b.toml", "[train]\nbatch = 20\n");
  ConfigSources sources{.environment = {"AMCL_CONFIG=" + file}};
  CHECK(text_of(resolve_config(sources), "batch") == "10");
  sources.file = other;
  CHECK(text_of(resolve_config(sources), "batch") == "20");
}

TEST_CASE("config: a file that is too long for a configuration is refused unread") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("long.toml", "[train]\nbatch = 10\n#");
  std::filesystem::resize_file(file, uintmax_t{1} << 40);  // on the disk it is small
  CHECK(refusal({.file = file}) == file +
                                       ": is 1099511627776 bytes long, too long for a "
                                       "configuration (1048576 at most)");
}

TEST_CASE("config: the same setting as a flag and by --set is refused") {
  CHECK(refusal({.flags = {{"lr", "1"}}, .assignments = {"lr=2"}}) ==
        "--set lr and --lr give the same setting: leave one out");
  // Twice the same way: the last one counts, as where a script adds to "$@".
  const ResolvedConfig twice = resolve_config({.assignments = {"lr=1", "optimizer.lr=2"}});
  CHECK(text_of(twice, "lr") == "2");
}

TEST_CASE("config: a bad --set is refused by what is wrong with it") {
  const auto with = [](const std::string& assignment) {
    return refusal({.assignments = {assignment}});
  };
  CHECK(with("lr") == "--set lr: must be key=value, such as --set lr=0.1");
  CHECK(with("learning=1").starts_with("--set learning=1: unknown key; the nearest is "));
  CHECK(with("train.bach=1") == "--set train.bach=1: unknown key; the nearest is train.batch");
  CHECK(with("batch=x") == "--batch is 'x': must be a whole number");
  CHECK(with("overwrite=yes") == "--overwrite is 'yes': must be true or false");
  CHECK(with("data=\xff") == "--data is '\xff': must be valid UTF-8");
}

TEST_CASE(
    "config: a key of another optimiser or schedule is refused, unless the choice came later") {
  CHECK(refusal({.flags = {{"trust", "0.02"}}}) ==
        "--trust has no effect with --optimizer sgd: leave it out, or use --optimizer lars");
  CHECK(refusal({.flags = {{"optimizer", "adamw"}, {"momentum", "0.9"}}}) ==
        "--momentum has no effect with --optimizer adamw: leave it out, or use --optimizer sgd, "
        "lars");
  CHECK(refusal({.flags = {{"schedule", "constant"}, {"lr_floor", "0.1"}}})
            .starts_with("--lr-floor has no effect with --schedule constant"));
  CHECK(refusal({.environment = {"AMCL_OPTIMIZER_BETA1=0.8"}})
            .starts_with("AMCL_OPTIMIZER_BETA1 has no effect with --optimizer sgd"));
  const TemporaryDirectory directory;
  const std::string file =
      directory.write("a.toml", "[optimizer]\noptimizer = \"lars\"\ntrust = 0.02\n");
  CHECK(refusal({.file = file}) == "accepted");
  const ResolvedConfig later = resolve_config({.file = file, .flags = {{"optimizer", "sgd"}}});
  CHECK(later.config.optimizer.name() == std::string("sgd"));
  CHECK(to_toml(later.config).find("\ntrust") == std::string::npos);
  const std::string sole = directory.write("b.toml", "[optimizer]\ntrust = 0.02\n");
  CHECK(refusal({.file = sole})
            .starts_with(sole + ":2: [optimizer] trust has no effect with --optimizer sgd"));
}

TEST_CASE("config: each optimiser has its own defaults") {
  const auto usual = [](const char* optimizer, const char* key) {
    return value_of(test::config_with({{"optimizer", optimizer}}), key).value_or("none");
  };
  CHECK(usual("sgd", "lr") == "0.06");
  CHECK(usual("adamw", "lr") == "0.001");
  CHECK(usual("sgd", "momentum") == "0.9");
  CHECK(usual("sgd", "decay_norm_bias") == "true");
  CHECK(usual("sgd", "trust") == "none");
  CHECK(usual("lars", "decay_norm_bias") == "false");
  CHECK(usual("lars", "trust") == "0.001");
  CHECK(usual("lars", "lars") == "plain");
  CHECK(usual("adamw", "momentum") == "none");
  CHECK(usual("adamw", "beta2") == "0.999");
  const Config clipped = test::config_with({{"optimizer", "lars"}, {"lars", "clipped"}});
  CHECK(std::get<LarsSpec>(clipped.optimizer.rule).clip_ratio);
}

TEST_CASE("config: every range is checked, also where no flag gave the value") {
  const auto complaint = [](const auto& change, const test::Settings& settings = {}) {
    Config config = test::config_with(settings);
    change(config);
    try {
      validate(config);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(complaint([](Config& config) { config.train.batch = 1; }) ==
        "--batch is 1: must be at least 2");
  CHECK(complaint([](Config& config) { config.schedule.lr = -1; }) ==
        "--lr is -1: must be at least 0");
  CHECK(complaint([](Config& config) {
          std::get<SimClrOptions>(config.method).projector.heads = 0;
        }) == "--heads is 0: must be at least 1");
  CHECK(complaint([](Config& config) {
          std::get<SimClrOptions>(config.method).objective.amcl.beta = -0.1;
        }) == "--beta is -0.1: must be at least 0");
  CHECK(complaint([](Config& config) {
          std::get<SimClrOptions>(config.method).objective.amcl.range.low = 3;
        }) == "--temperature-low is 3: must be below --temperature-high, which is 1");
  CHECK(complaint([](Config& config) {
          config.augment.blur_sigma = {3, 2};
        }).ends_with("did you mean 2,3"));
  CHECK(complaint([](Config& config) {
          config.augment.jitter_strength[3] = 0.6;
        }).ends_with("must be at most 0.5 (half a turn)"));
  CHECK(complaint([](Config& config) {
          config.augment.solarize = {0.0, 1.5};
        }) == "--solarize is 0,1.5: must be from 0 to 1");
  CHECK(complaint([](Config& config) {
          config.data.reading.deviation = {0.2, 0.0, 0.2};
        }) == "--deviation is 0.2,0,0.2: must be above 0, at most 1");
  CHECK(complaint([](Config& config) { config.train.epochs = 0; }) == "accepted");
  CHECK(refusal({.flags = {{"temperature", "0"}}}) == "--temperature is 0: must be above 0");
  CHECK(refusal({.flags = {{"temperature", "0.07"}}}) == "accepted");
  CHECK(refusal({.flags = {{"schedule", "step"}}})
            .starts_with("--schedule is step: needs --milestones"));
  CHECK(refusal({.flags = {{"schedule", "step"}, {"milestones", "80,60"}}}) ==
        "--milestones is 80,60: must ascend");
  CHECK(refusal({.flags = {{"nesterov", "true"}, {"momentum", "0"}}}) ==
        "--nesterov is true: needs a --momentum above 0");
  CHECK(refusal({.flags = {{"optimizer", "adamw"}, {"beta2", "1"}}}) ==
        "--beta2 is 1: must be below 1");
  CHECK(refusal({.flags = {{"warmup_epochs", "2"}, {"warmup_steps", "100"}}})
            .starts_with("--warmup-steps is 100: cannot stand beside --warmup-epochs 2"));
  CHECK(refusal({.flags = {{"warmup_epochs", "200"}}}) ==
        "--warmup-epochs is 200: must be at most --epochs, which is 100");
}

TEST_CASE("config: what has no meaning for a method is refused by name") {
  const auto with = [](std::vector<std::pair<std::string, std::string>> flags) {
    return refusal({.flags = std::move(flags)});
  };
  CHECK(with({{"method", "mocco"}}).find("--method is mocco: must be one of") == 0);
  CHECK(with({{"method", "moco"}, {"queue", "0"}}) == "--queue is 0: must be at least 1");
  CHECK(with({{"method", "moco"}, {"encoder_momentum", "1.5"}})
            .starts_with("--encoder-momentum is 1.5: must be "));
  CHECK(with({{"method", "moco"}, {"batch", "100"}}) ==
        "--bn-splits is 8: must divide --batch, which is 100");
  CHECK(with({{"bn_splits", "4"}, {"batch", "4"}}) ==
        "--bn-splits is 4: leaves 1 image to a part of --batch 4, at least 2 are needed");
  CHECK(with({{"method", "barlow"}, {"temperature", "0.5"}}) ==
        "--temperature is 0.5: the plain loss of --method barlow has no temperature; leave it "
        "out, or use adaptive");
  CHECK(with({{"method", "byol"}, {"temperature", "adaptive"}}) ==
        "--temperature is adaptive: --method byol has no form with adaptive temperatures; leave it "
        "out");
  CHECK(with({{"method", "lejepa"}, {"temperature", "0.5"}}) ==
        "--temperature is 0.5: the plain loss of --method lejepa has no temperature; leave it out");
  CHECK(with({{"method", "simsiam"}, {"temperature", "adaptive"}, {"objective", "amcl-topk"}}) ==
        "--objective is amcl-topk: --method simsiam has the form amcl only");
  CHECK(with({{"method", "moco"}, {"objective", "amcl-topk"}})
            .starts_with("--objective has no effect with --temperature fixed: "));
  CHECK(with({{"queue", "10"}}) ==
        "--queue has no effect with --method simclr: leave it out, or use --method moco");
  CHECK(with({{"method", "barlow"}, {"temperature", "adaptive"}, {"reducer", "lse"}})
            .starts_with("--reducer has no effect with --method barlow"));
  CHECK(with({{"batch", "64"}, {"micro_batch", "24"}}) ==
        "--micro-batch is 24: must divide --batch, which is 64");
  CHECK(with({{"micro_batch", "1"}}) ==
        "--micro-batch is 1: must be at least 2, or 0 for the whole batch");
  CHECK(with({{"capture", "false"}}).starts_with("--no-capture has no effect with --device cpu"));
  CHECK(with({{"temperature", "fixed"}, {"phi_shared", "false"}})
            .starts_with("--no-phi-shared has no effect with --temperature fixed"));
  CHECK(with({{"heads", "1"}, {"head_decorrelation", "0.1"}}) ==
        "--head-decorrelation is 0.1: needs --heads of at least 2, which is 1");
  CHECK(with({{"method", "moco"}, {"temperature_warmup_epochs", "5"}})
            .starts_with("--temperature-warmup-epochs has no effect with --temperature fixed"));
  CHECK(with({{"temperature", "adaptive"}, {"temperature_warmup_epochs", "200"}}) ==
        "--temperature-warmup-epochs is 200: must be at most --epochs, which is 100");
  CHECK(with({{"method", "moco"}, {"temperature", "0.2"}}) == "accepted");
  CHECK(with({{"method", "barlow"}, {"barlow_lambda", "0.01"}}) == "accepted");
  for (const char* method : {"simclr", "moco"})
    for (const char* temperature : {"fixed", "0.2", "adaptive"})
      CHECK(with({{"method", method}, {"temperature", temperature}, {"with_positive", "false"}}) ==
            "accepted");
  CHECK(with({{"method", "byol"}, {"with_positive", "false"}})
            .starts_with("--no-with-positive has no effect with --method byol"));
}

TEST_CASE("config: each method has its usual values, and its own keys only") {
  const auto check = [](const test::Settings& given, const test::Settings& usual) {
    const Config config = test::config_with(given);
    for (const auto& one : usual) {
      CAPTURE(one.first);
      CHECK(value_of(config, one.first).value_or("none") == one.second);
    }
  };
  check({{"method", "moco"}}, {{"temperature", "0.1"},
                               {"queue", "4096"},
                               {"bn_splits", "8"},
                               {"head_dim", "128"},
                               {"beta", "none"},
                               {"barlow_lambda", "none"}});
  check({{"method", "barlow"}, {"temperature", "adaptive"}}, {{"head_layers", "3"},
                                                              {"head_batch_norm", "hidden"},
                                                              {"barlow_lambda", "0.005"},
                                                              {"barlow_ddof", "0"},
                                                              {"beta", "0.1"},
                                                              {"omega_a_negative", "1"},
                                                              {"temperature_high", "2"},
                                                              {"barlow_score", "correlation"},
                                                              {"queue", "none"}});
  check({{"method", "simsiam"}, {"temperature", "adaptive"}}, {{"predictor_hidden", "512"},
                                                               {"beta", "1"},
                                                               {"omega_a", "1"},
                                                               {"score_scale", "0.0625"},
                                                               {"reducer", "none"}});
  // The form gives what nothing else does; the weight on its negatives is kappa beta (spec S11).
  check({{"objective", "amcl-topk"}, {"topk", "10"}, {"beta", "0.5"}},
        {{"reducer", "topk"}, {"beta_negative", "5"}, {"omega_a", "64"}});
}

TEST_CASE("config: heads, temperature and clipping are usual for the method and form") {
  struct Usual {
    test::Settings given;
    const char* temperature;
    const char* heads;
    const char* clip_norm;
    const char* lr = "0.06";
  };
  for (const Usual& usual : std::initializer_list<Usual>{
           {{{"method", "simclr"}}, "adaptive", "3", "0"},
           {{{"method", "simclr"}, {"temperature", "0.2"}}, "0.2", "1", "0"},
           {{{"method", "simclr"}, {"temperature", "fixed"}}, "0.5", "1", "0"},
           {{{"method", "moco"}}, "0.1", "1", "0"},
           {{{"method", "moco"}, {"temperature", "adaptive"}}, "adaptive", "3", "5"},
           {{{"method", "barlow"}}, "fixed", "1", "1"},
           {{{"method", "barlow"}, {"temperature", "adaptive"}}, "adaptive", "3", "1"},
           {{{"method", "simsiam"}}, "fixed", "1", "0", "0.15"},
           {{{"method", "simsiam"}, {"temperature", "adaptive"}}, "adaptive", "3", "0", "0.08"},
           {{{"method", "simsiam"}, {"temperature", "adaptive"}, {"optimizer", "adamw"}},
            "adaptive",
            "3",
            "0",
            "0.001"},
           {{{"method", "barlow"}, {"optimizer", "lars"}}, "fixed", "1", "0"},
           {{{"method", "barlow"}, {"heads", "2"}, {"clip_norm", "0"}}, "fixed", "2", "0"}}) {
    const Config config = test::config_with(usual.given);
    CAPTURE(to_toml(config));
    CHECK(value_of(config, "temperature") == usual.temperature);
    CHECK(value_of(config, "heads") == usual.heads);
    CHECK(value_of(config, "clip_norm") == usual.clip_norm);
    CHECK(value_of(config, "lr") == usual.lr);
  }
}

TEST_CASE("config: the help says what is usual, and for whom") {
  const auto usual = [](const char* key) { return find_setting(key, RunKind::pretrain)->usual; };
  CHECK(usual("epochs") == "100");
  CHECK(usual("method") == "simclr");
  CHECK(usual("temperature") == "fixed; adaptive for simclr; 0.1 for moco");
  CHECK(usual("optimizer") == "sgd");
  CHECK(usual("queue") == "4096");
  CHECK(usual("heads") == "3 with adaptive temperatures, else 1");
  CHECK(usual("head_dim") == "128; 2048 for barlow; 2048 for simsiam; 256 for byol; 64 for lejepa");
  CHECK(usual("clip_norm") == "0; 5 for moco with adaptive temperatures; 1 for barlow");
  CHECK(usual("lr") ==
        "0.06; 0.15 for simsiam with fixed temperatures; 0.08 for simsiam with adaptive "
        "temperatures; 0.001 with adamw");
  CHECK(usual("epsilon") == "1e-09; 1e-08 with adamw");
  CHECK(usual("precision") == "f32; bf16 with cuda");
}

TEST_CASE("config: the views' size decides stem and blur where they are left open, and says so") {
  const auto stem = [](const Config& config) { return common(config.method).backbone.stem; };
  const Config small = complete(usual_config(), {32, 64});
  CHECK(stem(small) == "cifar");
  CHECK(small.augment.blur == 0.0);
  const Config large = complete(usual_config(), {65, 65});
  CHECK(stem(large) == "imagenet");
  CHECK(large.augment.blur == 0.5);
  const Config given = test::config_with({{"stem", "cifar"}, {"blur", "0,0.1"}});
  CHECK(differences_of(complete(given, {224, 224}), given).empty());
  CHECK(differences_of(complete_as(usual_config(), large), large).empty());

  const auto choices = [](const std::vector<std::pair<std::string, std::string>>& flags) {
    const ResolvedConfig resolved = resolve_config({.flags = flags});
    return describe_choices(resolved, complete(resolved.config, {224, 224}), {224, 224});
  };
  const std::vector<std::string> all = choices({});
  REQUIRE(all.size() == 4);
  CHECK(all[0].starts_with("--temperature adaptive: AMCL, "));
  CHECK(all[1].starts_with("--heads 3: "));
  CHECK(all[2] == "--stem imagenet: views of 224 px are above 64");
  CHECK(all[3] == "--blur 0.5: views of 224 px are above 64");
  CHECK(
      choices({{"stem", "cifar"}, {"blur", "0"}, {"temperature", "0.1"}, {"heads", "1"}}).empty());
  const std::vector<std::string> barlow = choices({{"method", "barlow"},
                                                   {"stem", "cifar"},
                                                   {"blur", "0"},
                                                   {"temperature", "fixed"},
                                                   {"heads", "1"}});
  REQUIRE(barlow.size() == 1);
  CHECK(barlow[0].starts_with("--clip-norm 1: "));
}

// Stored by the program when the CIFAR stem, one head, fixed temperatures, no blur and no clipping were
// the defaults.
TEST_CASE("config: a run stored before defaults changed means what it meant") {
  std::ifstream file(AMCL_STORED_CONFIG);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Config stored = config_from_toml(text, "stored");
  const Config config = complete(stored, {224, 224});
  CHECK(differences_of(config, stored).empty());
  CHECK(value_of(config, "stem") == "cifar");
  CHECK(value_of(config, "blur") == "0");
  CHECK(value_of(config, "clip_norm") == "0");
  CHECK(value_of(config, "barlow_scale") == "1");
  // The form of adaptive temperatures has no effect on a run without them, and is not stored any more.
  std::istringstream lines(text);
  const std::string now = to_toml(config);
  for (std::string line; std::getline(lines, line);)
    if (line.find('=') != std::string::npos && !line.starts_with("objective"))
      CHECK_MESSAGE(now.find('\n' + line + '\n') != std::string::npos, line);
}

TEST_CASE("config: a name from another program leads to a setting") {
  for (const Synonym& synonym : synonyms()) {
    CAPTURE(synonym.name);
    CHECK(find_setting(synonym.name) == nullptr);
    REQUIRE(find_setting(synonym.key) != nullptr);
    if (*synonym.value == '\0') continue;
    CHECK(refusal({.flags = {{synonym.key, synonym.value}}}) == "accepted");
  }
  CHECK(flag_of(*find_synonym("--learning-rate")) == "--lr");
  CHECK(flag_of(*find_synonym("--gpu")) == "--device cuda");
  CHECK(find_synonym("--bacth") == nullptr);
  CHECK(refusal({.assignments = {"optimizer.learning_rate=1"}}) ==
        "--set optimizer.learning_rate=1: unknown key; here it is lr");
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[train]\nbatch_size = 64\n");
  CHECK(refusal({.file = file}) ==
        file + ":2: [train] batch_size: unknown key; here it is [train] batch");
}

TEST_CASE("config: TOML says where a value of the wrong kind stands") {
  const auto refused = [](const std::string& text) {
    try {
      config_from_toml(text, "a.toml");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(refused("[train]\nbatch = 64.5\n") ==
        "a.toml:2: [train] batch is '64.5': must be a whole number");
  CHECK(refused("[train]\noverwrite = 1\n") ==
        "a.toml:2: [train] overwrite is '1': must be true or false");
  CHECK(refused("[data]\ndata = 7\n") == "a.toml:2: [data] data: must be text in quotes");
  CHECK(refused("[augment]\ncrop_scale = [0.1]\n")
            .starts_with("a.toml:2: [augment] crop_scale is '0.1': must be two numbers"));
  CHECK(refused("[augment]\ncrop_scale = [0.1, \"a\"]\n") ==
        "a.toml:2: [augment] crop_scale: must be a list of numbers");
  CHECK(refused("[train]\nbatch = 2020-01-01\n") ==
        "a.toml:2: [train] batch: must be a number, text, switch or list");
  CHECK(refused("[objective]\ntemperature = 0.2\n") == "accepted");
  CHECK(refused("[optimizer]\nlr = 1\n[augment]\ncrop_scale = [1, 1]\n") == "accepted");
  CHECK(refused("train = 3\n").starts_with("a.toml:1: [train] is no table"));
}

TEST_CASE(
    "config: differences name the setting, both values, and whether a resumed run may have it") {
  const Config left = usual_config();
  CHECK(differences_of(left, left).empty());
  Config right = left;
  right.train.workers = 5;
  std::vector<SettingDifference> differences = differences_of(left, right);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].setting.may_change);
  CHECK(config_name_of(differences[0].setting) == "[train] workers");

  right.schedule.lr = 0.1;
  differences = differences_of(left, right);
  REQUIRE(differences.size() == 2);
  CHECK_FALSE(differences[0].setting.may_change);
  CHECK(config_name_of(differences[0].setting) == "[optimizer] lr");
  CHECK(differences[0].left == "0.06");
  CHECK(differences[0].right == "0.1");

  // Of another optimiser: its own settings have no value in the other run.
  differences = differences_of(left, test::config_with({{"optimizer", "lars"}}));
  const auto trust = std::find_if(differences.begin(), differences.end(), [](const auto& one) {
    return std::string_view(one.setting.key) == "trust";
  });
  REQUIRE(trust != differences.end());
  CHECK(trust->left.empty());
  CHECK(trust->right == "0.001");
}

TEST_CASE("config: [objective] overrides the form, key by key") {
  const auto objective = [](const test::Settings& settings) {
    return common(test::config_with(settings).method).objective;
  };
  CHECK(objective({}).adaptive);
  CHECK(objective({}).amcl.beta == 0.3);
  const ObjectiveOptions options = objective({{"beta", "0.7"},
                                              {"reducer", "hard"},
                                              {"omega", "paired"},
                                              {"phi", "concat"},
                                              {"phi_shared", "false"},
                                              {"temperature_high", "2"}});
  CHECK(options.amcl.beta == 0.7);
  CHECK(options.amcl.reducer == PairReducer::hard);
  CHECK(options.amcl.placement == OmegaPlacement::paired);
  CHECK(options.amcl.range.high == 2.0);
  CHECK(options.amcl.range.low == 0.05);
  CHECK(options.temperature_net.kind == TemperatureNetKind::concat);
  CHECK_FALSE(options.temperature_net.shared);
  CHECK_FALSE(objective({{"temperature", "0.2"}}).adaptive);
  CHECK(objective({{"temperature", "0.2"}}).temperature == 0.2);
}

// A file may hold the parameters of adaptive temperatures for the day when they are wanted.
TEST_CASE("config: what has no effect in a file is still checked") {
  const TemporaryDirectory directory;
  const auto with = [&](const std::string& objective) {
    return refusal(
        {.file = directory.write("a.toml", "[objective]\ntemperature = \"fixed\"\n" + objective)});
  };
  CHECK(with("beta = 0.5\n") == "accepted");
  CHECK(with("beta = -1\n").ends_with("a.toml:3: [objective] beta is -1: must be at least 0"));
  CHECK(with("reducer = \"best\"\n").find("[objective] reducer is best: must be one of lse") !=
        std::string::npos);
}

TEST_CASE("config: the precision is that of the device where it is not set") {
  const auto precision = [](const std::string& train) {
    return config_from_toml("[train]\n" + train, "text").train.precision;
  };
  CHECK(precision("") == "f32");
  CHECK(precision("device = \"cuda\"\n") == "bf16");
  CHECK(precision("device = \"cuda:1\"\n") == "bf16");
  CHECK(precision("device = \"cuda\"\nprecision = \"tf32\"\n") == "tf32");
}

std::string limits_complaint(const std::string& text) {
  try {
    check_toml_limits(text, "a.toml");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.what();
  }
  return {};
}

std::string repeated(const std::string& part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

TEST_CASE("config: what the parser would recurse on is refused before it, and nothing else") {
  const std::string dots = repeated("a.", 8);
  for (const std::string& text :
       {dots + "a = 1\n", '[' + dots + "a]\n", "a = {" + dots + "a = 1}\n",
        repeated("\"a b\" . ", 8) + "c = 1\n", "# x\n\na = \"\\\"\"\n" + dots + "a = 1",
        "a = \"\"\"\nx\"\"\"\"\"\n" + dots + "a = 1", "a = '\\'\n" + dots + "a = 1"}) {
    CAPTURE(text);
    CHECK(limits_complaint(text).find("more than 8 dotted parts") != std::string::npos);
  }
  CHECK(limits_complaint("\n\n" + dots + "a = 1").starts_with("a.toml:3: "));
  for (const std::string& text : {"a = " + repeated("[", 9), "a = " + repeated("{b = [", 5)})
    CHECK(limits_complaint(text).find("more than 8 brackets") != std::string::npos);
  CHECK(limits_complaint(std::string((size_t{256} << 10) + 1, ' ')).find("256 KiB") !=
        std::string::npos);

  for (const std::string& text :
       {"data = \"" + dots + "\"", "data = '" + dots + "[[[[[[[[[[['",
        "# " + dots + repeated("[", 20), "data = \"\"\"" + dots + "\n" + dots + "\"\"\"",
        "milestones = [" + repeated("1.5, ", 100) + "]", repeated("[a]\nb.c = {d = [1.5]}\n", 100),
        to_toml(unusual())}) {
    CAPTURE(text);
    CHECK(limits_complaint(text).empty());
  }
}

TEST_CASE("config: counts beyond all use are refused, but as a seed") {
  CHECK(refusal({.flags = {{"epochs", "1152921504606846976"}}})
            .starts_with("--epochs is 1152921504606846976: must"));
  CHECK(refusal({.flags = {{"temperature_warmup_epochs", "1e300"}}})
            .starts_with("--temperature-warmup-epochs is 1e+300: must"));
  CHECK(refusal({.flags = {{"seed", "4611686018427387904"}}}) == "accepted");
}

}  // namespace
}  // namespace amcl
