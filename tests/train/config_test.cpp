// Settings from all sources, checks, TOML both ways, differences between two runs.
#include "train/config/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "engine/core/check.h"
#include "tests/train/subprocess.h"
#include "train/config/config_resolve.h"
#include "train/config/config_toml.h"
#include "train/config/config_value.h"
#include "train/config/method_config.h"
#include "train/config/objective_config.h"
#include "train/config/optimizer_config.h"
#include "train/config/synonym.h"
#include "train/config/toml_limits.h"
#include "train/config/view_config.h"

namespace amcl {
namespace {

using test::TemporaryDirectory;

Config unusual() {
  Config config;
  config.data = {.data = "a \"quoted\" dir\\with\ttabs \xc3\xa9", .limit = 8000};
  config.data.deviation = {0.1 + 0.2, 1e-7, 1.0};
  config.augment.crop_scale = {1.0 / 3.0, 0.1 + 0.2};
  config.augment.jitter_strength = {1e-7, 2.0, 0.25, 0.5};
  config.augment.interpolation = "bicubic";
  config.augment.blur = {1.0, 0.1};
  config.augment.solarize = {0.0, 0.2};
  config.model = {.backbone = "resnet50", .heads = 3, .bn_views = "joint"};
  config.objective = {.temperature = "adaptive",
                      .temperature_low = 1e-5,
                      .reducer = "topk",
                      .topk = 7,
                      .with_positive = false,
                      .beta_negative = 0.0};
  config.optimizer = {.optimizer = "lars",
                      .lr = 6.02e-23,
                      .schedule = "step",
                      .milestones = std::vector<double>{1.0 / 3.0, 60},
                      .decay_norm_bias = false};
  config.train = {.seed = 9007199254740993, .overwrite = true};
  return config;
}

std::string value_of(const ResolvedConfig& resolved, const std::string& key) {
  return value_text(*find_setting(key), resolved.config);
}

ConfigOrigin origin_of(const ResolvedConfig& resolved, const std::string& key) {
  for (size_t i = 0; i < config_settings().size(); ++i) {
    if (config_settings()[i].key == key) return resolved.origins[i];
  }
  return {};
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
  CHECK(config_from_toml(to_toml(Config{}), "default") == Config{});
  CHECK(config_from_toml(to_toml(unusual()), "unusual") == unusual());
}

TEST_CASE("config: a preset's values stand in the TOML as comments only") {
  Config config;
  config.objective = {.temperature = "adaptive"};
  const std::string text = to_toml(config);
  CHECK(text.find("\n# beta = 0.3  (objective amcl)\n") != std::string::npos);
  CHECK_FALSE(config_from_toml(text, "preset").objective.beta.has_value());
  // So a file written by one run serves another with its own preset.
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", text);
  const ResolvedConfig other =
      resolve_config({.file = file, .flags = {{"objective", "amcl-topk"}}});
  CHECK(with_preset(other.config).objective.topk == 100);
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
  for (const Setting& setting : config_settings()) {
    INFO(setting.config_name());
    CHECK(names.insert(setting.key).second);
    CHECK(names.insert(setting.environment_name()).second);
    CHECK(names.insert("--no-" + setting.flag().substr(2)).second);
    CHECK(names.insert(setting.flag()).second);
    CHECK_FALSE(setting.help.empty());
    CHECK(value_complaint(setting, Config{}).empty());
  }
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
  CHECK(value_of(resolved, "batch") == "30");
  CHECK(origin_of(resolved, "batch").name == "--batch");
  CHECK(value_of(resolved, "width") == "30");
  CHECK(origin_of(resolved, "width").kind == OriginKind::flag);
  CHECK(value_of(resolved, "epochs") == "20");
  CHECK(origin_of(resolved, "epochs").name == "AMCL_TRAIN_EPOCHS");
  CHECK(value_of(resolved, "seed") == "10");
  CHECK(origin_of(resolved, "seed").name == file + ":4");
  CHECK(value_of(resolved, "weight_decay") == "0.0005");
  CHECK(origin_of(resolved, "weight_decay").kind == OriginKind::fallback);
}

TEST_CASE("config: the environment names the file where no flag does") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("a.toml", "[train]\nbatch = 10\n");
  const std::string other = directory.write("b.toml", "[train]\nbatch = 20\n");
  ConfigSources sources{.environment = {"AMCL_CONFIG=" + file}};
  CHECK(value_of(resolve_config(sources), "batch") == "10");
  sources.file = other;
  CHECK(value_of(resolve_config(sources), "batch") == "20");
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
  CHECK(value_of(twice, "lr") == "2");
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
  CHECK_FALSE(completed(later.config).optimizer.trust.has_value());
  CHECK(to_toml(later.config).find("\ntrust") == std::string::npos);
  const std::string sole = directory.write("b.toml", "[optimizer]\ntrust = 0.02\n");
  CHECK(refusal({.file = sole})
            .starts_with(sole + ":2: [optimizer] trust has no effect with --optimizer sgd"));
}

TEST_CASE("config: each optimiser has its own defaults") {
  const auto completed_with = [](const std::string& optimizer) {
    Config config;
    config.optimizer.optimizer = optimizer;
    return completed(config).optimizer;
  };
  CHECK(completed_with("sgd").lr == 0.06);
  CHECK(completed_with("adamw").lr == 0.001);
  CHECK(completed_with("sgd").momentum == 0.9);
  CHECK(completed_with("sgd").decay_norm_bias == true);
  CHECK_FALSE(completed_with("sgd").trust.has_value());
  CHECK(completed_with("lars").decay_norm_bias == false);
  CHECK(completed_with("lars").trust == 0.001);
  CHECK(completed_with("lars").lars == "plain");
  CHECK_FALSE(completed_with("adamw").momentum.has_value());
  CHECK(completed_with("adamw").beta2 == 0.999);
  Config clipped;
  clipped.optimizer.optimizer = "lars";
  clipped.optimizer.lars = "clipped";
  CHECK(std::get<LarsSpec>(optimizer_options(clipped).rule).clip_ratio);
}

TEST_CASE("config: every range is checked, also where no flag gave the value") {
  const auto complaint = [](const auto& change) {
    Config config;
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
  CHECK(complaint([](Config& config) { config.optimizer.lr = -1; }) ==
        "--lr is -1: must be at least 0");
  CHECK(complaint([](Config& config) { config.model.heads = 0; }) ==
        "--heads is 0: must be at least 1");
  CHECK(complaint([](Config& config) { config.objective.beta = -0.1; }) ==
        "--beta is -0.1: must be at least 0");
  CHECK(complaint([](Config& config) {
          config.augment.blur_sigma = {3, 2};
        }).ends_with("did you mean 2,3"));
  CHECK(complaint([](Config& config) {
          config.augment.solarize = {0.0, 1.5};
        }) == "--solarize is 0,1.5: must be from 0 to 1");
  CHECK(complaint([](Config& config) {
          config.data.deviation = {0.2, 0.0, 0.2};
        }) == "--deviation is 0.2,0,0.2: must be above 0, at most 1");
  CHECK(complaint([](Config& config) { config.objective.temperature = "0"; }) ==
        "--temperature is 0: must be above 0");
  CHECK(complaint([](Config& config) { config.objective.temperature = "0.07"; }) == "accepted");
  CHECK(complaint([](Config& config) { config.train.epochs = 0; }) == "accepted");
  CHECK(complaint([](Config& config) {
          config.optimizer.schedule = "step";
        }).starts_with("--schedule is step: needs --milestones"));
  CHECK(complaint([](Config& config) {
          config.optimizer.schedule = "step";
          config.optimizer.milestones = {80, 60};
        }) == "--milestones is 80,60: must ascend");
  CHECK(complaint([](Config& config) {
          config.optimizer.nesterov = true;
          config.optimizer.momentum = 0;
        }) == "--nesterov is true: needs a --momentum above 0");
  CHECK(complaint([](Config& config) { config.optimizer.beta2 = 1; }) ==
        "--beta2 is 1: must be below 1");
  CHECK(complaint([](Config& config) {
          config.optimizer.warmup_epochs = 2;
          config.optimizer.warmup_steps = 100;
        }).starts_with("--warmup-steps is 100: cannot stand beside --warmup-epochs 2"));
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
  CHECK(with({{"method", "simsiam"}, {"temperature", "adaptive"}, {"objective", "amcl-topk"}}) ==
        "--objective is amcl-topk: --method simsiam has the form amcl only");
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
}

TEST_CASE("config: each method has its usual values, and its own keys only") {
  Config config;
  config.model.method = "moco";
  CHECK(objective_options(config).temperature == 0.1);
  CHECK(objective_options(config).name == "infonce_queue");
  config = with_preset(config);
  CHECK(config.model.queue == 4096);
  CHECK(config.model.bn_splits == 8);
  CHECK(config.model.head_dim == 128);
  CHECK_FALSE(config.objective.barlow_lambda.has_value());

  config = {};
  config.model.method = "barlow";
  config.objective.temperature = "adaptive";
  config = with_preset(config);
  CHECK(config.model.head_layers == 3);
  CHECK(config.model.head_batch_norm == "hidden");
  CHECK(config.objective.barlow_lambda == 5e-3);
  CHECK(config.objective.barlow_ddof == 0);
  CHECK(config.objective.beta == 0.1);
  CHECK(config.objective.temperature_high == 2.0);
  CHECK(config.objective.barlow_score == "correlation");
  CHECK_FALSE(config.model.queue.has_value());

  config = {};
  config.model.method = "simsiam";
  config.objective.temperature = "adaptive";
  config = with_preset(config);
  CHECK(config.model.predictor_hidden == 512);
  CHECK(config.objective.beta == 1.0);
  CHECK(config.objective.omega_a == 1.0);
}

TEST_CASE("config: heads, temperature and clipping are usual for the method and form") {
  struct Usual {
    std::string temperature;
    int64_t heads;
    double clip_norm;
    double lr = 0.06;
  };
  const auto usual = [](const std::string& method, const std::string& temperature = {},
                        const std::string& optimizer = "sgd") {
    Config config;
    config.model.method = method;
    config.optimizer.optimizer = optimizer;
    if (!temperature.empty()) config.objective.temperature = temperature;
    config = completed(config);
    return Usual{*config.objective.temperature, *config.model.heads, *config.optimizer.clip_norm,
                 *config.optimizer.lr};
  };
  const auto check = [](const Usual& found, const Usual& expected) {
    CHECK(found.temperature == expected.temperature);
    CHECK(found.heads == expected.heads);
    CHECK(found.clip_norm == expected.clip_norm);
    CHECK(found.lr == expected.lr);
  };
  check(usual("simclr"), {"adaptive", 3, 0.0});
  check(usual("simclr", "0.2"), {"0.2", 1, 0.0});
  check(usual("moco"), {"fixed", 1, 0.0});
  check(usual("moco", "adaptive"), {"adaptive", 3, 5.0});
  check(usual("barlow"), {"fixed", 1, 1.0});
  check(usual("barlow", "adaptive"), {"adaptive", 3, 1.0});
  check(usual("simsiam"), {"fixed", 1, 0.0});
  check(usual("simsiam", "adaptive"), {"adaptive", 3, 3.0, 0.15});
  check(usual("simsiam", "adaptive", "adamw"), {"adaptive", 3, 0.0, 0.001});
  check(usual("barlow", "fixed", "lars"), {"fixed", 1, 0.0});
  Config given;
  given.model = {.method = "barlow", .heads = 2};
  given.optimizer.clip_norm = 0.0;
  CHECK(completed(given).model.heads == 2);
  CHECK(optimizer_options(given).clip_norm == 0.0);
}

TEST_CASE("config: the views' size decides stem and blur where they are left open, and says so") {
  const Config small = with_views({}, {32, 64});
  CHECK(small.model.stem == "cifar");
  CHECK(small.augment.blur == 0.0);
  const Config large = with_views({}, {65, 65});
  CHECK(large.model.stem == "imagenet");
  CHECK(large.augment.blur == 0.5);
  Config given;
  given.model.stem = "cifar";
  given.augment.blur = {0.0, 0.1};
  CHECK(with_views(given, {224, 224}) == given);

  const auto choices = [](const Config& config) {
    return describe_choices(config, completed(with_views(config, {224, 224})), {224, 224});
  };
  const std::vector<std::string> all = choices({});
  REQUIRE(all.size() == 4);
  CHECK(all[0].starts_with("--temperature adaptive: AMCL, "));
  CHECK(all[1].starts_with("--heads 3: "));
  CHECK(all[2] == "--stem imagenet: views of 224 px are above 64");
  CHECK(all[3] == "--blur 0.5: views of 224 px are above 64");
  given.objective.temperature = "0.1";
  given.model.heads = 1;
  CHECK(choices(given).empty());
  given.model.method = "barlow";
  given.objective.temperature = "fixed";
  REQUIRE(choices(given).size() == 1);
  CHECK(choices(given)[0].starts_with("--clip-norm 1: "));
}

// A default may change only where nothing that was stored leaves it open.
TEST_CASE("config: what a run stores holds every key that has an effect") {
  const std::set<std::string> open = {"mean", "deviation"};  // the data set's own
  for (const std::string& method : method_names())
    for (const char* temperature : {"fixed", "adaptive"})
      for (const char* optimizer : {"sgd", "lars", "adamw"}) {
        Config config;
        config.model.method = method;
        config.objective.temperature = temperature;
        config.optimizer.optimizer = optimizer;
        const Config stored = completed(with_views(config, {32, 32}));
        for (const Setting& setting : config_settings()) {
          CAPTURE(setting.key);
          const bool used = has_effect(setting, stored) && !setting.adaptive_only;
          if (used && !open.contains(setting.key)) CHECK(has_value(setting, stored));
        }
        // Of adaptive temperatures no more than the form takes.
        CHECK(completed(config_from_toml(to_toml(stored), "stored")) == stored);
      }
}

// Stored by the program when the CIFAR stem, one head, fixed temperatures, no blur and no clipping were
// the defaults.
TEST_CASE("config: a run stored before defaults changed means what it meant") {
  std::ifstream file(AMCL_STORED_CONFIG);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Config stored = config_from_toml(text, "stored");
  const Config config = completed(with_views(stored, {224, 224}));
  CHECK(config == stored);
  CHECK(config.model.stem == "cifar");
  CHECK(config.augment.blur == 0.0);
  CHECK(config.optimizer.clip_norm == 0.0);
  CHECK(config.objective.barlow_scale == 1.0);
  CHECK(to_toml(config) == text);
}

TEST_CASE("config: a name from another program leads to a setting") {
  for (const Synonym& synonym : synonyms()) {
    CAPTURE(synonym.name);
    CHECK(find_setting(synonym.name) == nullptr);
    const Setting* setting = find_setting(synonym.key);
    REQUIRE(setting != nullptr);
    if (*synonym.value == '\0') continue;
    Config config;
    set_from_text(*setting, config, synonym.value, synonym.name);
    CHECK(value_complaint(*setting, config).empty());
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

TEST_CASE("config: the first difference is one that a resumed run must not have") {
  Config left;
  CHECK_FALSE(first_difference(left, left).has_value());
  Config right = left;
  right.train.workers = 5;
  auto difference = first_difference(left, right);
  REQUIRE(difference.has_value());
  CHECK(difference->may_change);
  CHECK(difference->key == "[train] workers");

  left.optimizer.lr = 0.06;
  right.optimizer.lr = 0.1;
  right.train.seed = 2;
  difference = first_difference(left, right);
  REQUIRE(difference.has_value());
  CHECK_FALSE(difference->may_change);
  CHECK(difference->key == "[optimizer] lr");
  CHECK(difference->left == "0.06");
  CHECK(difference->right == "0.1");
}

TEST_CASE("config: [objective] overrides the preset, key by key") {
  Config config;
  config.objective = {.temperature = "adaptive"};
  ObjectiveOptions options = objective_options(config);
  CHECK(options.adaptive);
  CHECK(options.amcl.beta == 0.3);

  config.objective.beta = 0.7;
  config.objective.reducer = "hard";
  config.objective.omega = "paired";
  config.objective.phi = "concat";
  config.objective.phi_shared = false;
  config.objective.temperature_high = 2.0;
  options = objective_options(config);
  CHECK(options.amcl.beta == 0.7);
  CHECK(options.amcl.reducer == PairReducer::hard);
  CHECK(options.amcl.placement == OmegaPlacement::paired);
  CHECK(options.amcl.range.high == 2.0);
  CHECK(options.amcl.range.low == 0.05);
  CHECK(options.temperature_net.kind == TemperatureNetKind::concat);
  CHECK_FALSE(options.temperature_net.shared);

  // The weight on the negatives of amcl-topk is kappa beta (spec S11), whatever kappa and beta are.
  config.objective = {.objective = "amcl-topk", .temperature = "adaptive", .topk = 10, .beta = 0.5};
  CHECK(objective_options(config).amcl.beta_negative == 5.0);
  CHECK(with_preset(config).objective.omega_a == 64.0);  // d / 2

  config.objective.temperature = "0.2";
  options = objective_options(config);
  CHECK_FALSE(options.adaptive);
  CHECK(options.temperature == 0.2);
}

TEST_CASE("config: the precision is that of the device where it is not set") {
  const auto precision = [](const std::string& train) {
    return completed(config_from_toml("[train]\n" + train, "text")).train.precision.value_or("");
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
  Config config;
  config.train.epochs = int64_t{1} << 60;
  CHECK_THROWS_WITH_AS(validate(config), doctest::Contains("--epochs is 1152921504606846976: must"),
                       Error);
  config.train.epochs = 1;
  config.objective.temperature_warmup_epochs = 1e300;
  CHECK_THROWS_WITH_AS(validate(config), doctest::Contains("--temperature-warmup-epochs"), Error);
  config.objective.temperature_warmup_epochs = {};
  config.train.seed = uint64_t{1} << 62;
  CHECK_NOTHROW(validate(config));
}

}  // namespace
}  // namespace amcl
