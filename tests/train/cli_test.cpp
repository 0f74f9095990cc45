// The built binary as a user meets it: help, wrong flags and files, exit codes.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/train/subprocess.h"
#include "train/config/known_setting.h"
#include "train/config/setting_name.h"

namespace amcl {
namespace {

using test::ProcessResult;
using test::TemporaryDirectory;

ProcessResult amcl(std::vector<std::string> arguments,
                   const std::vector<std::string>& environment = {}) {
  arguments.insert(arguments.begin(), AMCL_BINARY);
  return test::run_process(arguments, environment);
}

// Nothing on stdout, and on stderr one line that holds each of `parts`.
void check_refused(const ProcessResult& result, int code, const std::vector<std::string>& parts) {
  INFO("stderr: ", result.err);
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK(result.err.starts_with("amcl: "));
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  for (const std::string& part : parts) {
    CHECK_MESSAGE(result.err.find(part) != std::string::npos, "missing: ", part);
  }
}

TEST_CASE("cli: a value out of range is refused by flag, value and remedy") {
  struct Case {
    std::vector<std::string> flags;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases = {
      {{"--batch", "1"}, {"--batch is 1", "at least 2"}},
      {{"--heads", "0"}, {"--heads is 0", "at least 1"}},
      {{"--lr", "-0.1"}, {"--lr is -0.1", "at least 0"}},
      {{"--lr", "nan"}, {"--lr is nan", "finite"}},
      {{"--epochs", "-1"}, {"--epochs is -1", "at least 0"}},
      {{"--keep", "0"}, {"--keep is 0", "at least 1"}},
      {{"--width", "0"}, {"--width is 0", "at least 1"}},
      {{"--momentum", "1.5"}, {"--momentum is 1.5", "from 0 to 1"}},
      {{"--optimizer", "adam"}, {"--optimizer is adam", "sgd, lars, adamw", "nearest is adamw"}},
      {{"--trust", "0.02"}, {"--trust has no effect with --optimizer sgd", "lars"}},
      {{"--optimizer", "lars", "--trust", "0"}, {"--trust is 0", "above 0"}},
      {{"--optimizer", "adamw", "--beta1", "1"}, {"--beta1 is 1", "below 1"}},
      {{"--schedule", "step"}, {"--schedule is step", "needs --milestones"}},
      {{"--schedule", "step", "--milestones", "60,x"}, {"--milestones is '60,x'", "numbers"}},
      {{"--schedule", "step", "--milestones", "60,60"}, {"--milestones is 60,60", "ascend"}},
      {{"--eval-every", "-1"}, {"--eval-every is -1", "at least 0"}},
      {{"--seed", "-3"}, {"--seed is '-3'", "whole number from 0"}},
      {{"--batch", "64.5"}, {"--batch is '64.5'", "whole number"}},
      {{"--batch", "many"}, {"--batch is 'many'", "whole number"}},
      {{"--method", "simcrl"}, {"--method is simcrl", "simclr"}},
      {{"--backbone", "resnet35"},
       {"--backbone is resnet35", "resnet18, resnet34, resnet50", "nearest is resnet3"}},
      {{"--stem", "cfar"}, {"--stem is cfar", "cifar, imagenet", "nearest is cifar"}},
      {{"--bn-views", "together"}, {"--bn-views is together", "separate, joint"}},
      {{"--temperature", "adaptiv"},
       {"--temperature is adaptiv", "adaptive, fixed or a number", "nearest is adaptive"}},
      {{"--temperature", "-0.5"}, {"--temperature is -0.5", "above 0"}},
      {{"--temperature", "adaptive", "--objective", "amcl-tok"},
       {"--objective is amcl-tok", "amcl, amcl-topk, amcl-table2", "nearest is amcl-topk"}},
      {{"--temperature", "adaptive", "--temperature-low", "2"},
       {"--temperature-low is 2", "below --temperature-high, which is 1"}},
      {{"--temperature", "adaptive", "--temperature-high", "0.05"},
       {"--temperature-low is 0.05", "below --temperature-high, which is 0.05"}},
      {{"--method", "moco", "--beta", "0.5"},
       {"--beta has no effect with --temperature fixed", "adaptive"}},
      {{"--crop-scale", "0.9,0.2"}, {"--crop-scale is 0.9,0.2", "did you mean 0.2,0.9"}},
      {{"--crop-scale", "0,1"}, {"--crop-scale is 0,1", "above 0, at most 1"}},
      {{"--crop-scale", "0.2"}, {"--crop-scale is '0.2'", "two numbers"}},
      {{"--blur-sigma", "2,0.1"}, {"--blur-sigma is 2,0.1", "did you mean 0.1,2"}},
      {{"--jitter-strength", "0.4,0.4,0.4,0.6"}, {"--jitter-strength", "hue", "at most 0.5"}},
      {{"--flip", "1.1"}, {"--flip is 1.1", "from 0 to 1"}},
      {{"--warmup-epochs", "7", "--epochs", "5"}, {"--warmup-epochs is 7", "--epochs, which is 5"}},
      {{"--device", "cpuu"}, {"--device is cpuu", "cpu, cuda, cuda:N, plain", "nearest is cpu"}},
  };
  const TemporaryDirectory directory;
  for (const Case& one : cases) {
    std::vector<std::string> arguments = {"pretrain", "--data", "shapes10", "--out",
                                          directory.path() + "/run"};
    arguments.insert(arguments.end(), one.flags.begin(), one.flags.end());
    check_refused(amcl(arguments), 2, one.parts);
  }
}

TEST_CASE("cli: an unknown command or option names the nearest one") {
  check_refused(amcl({"pretrian", "--data", "shapes10"}), 2,
                {"'pretrian' is no command of amcl", "nearest is pretrain"});
  check_refused(amcl({"pretrain", "--data", "shapes10", "--bacth", "64"}), 2,
                {"--bacth: unknown option of amcl pretrain", "nearest is --batch"});
  check_refused(amcl({"pretrain", "--crop_scale=0.2,1"}), 2,
                {"--crop_scale: unknown option", "nearest is --crop-scale"});
  check_refused(amcl({"evaluate", "runs/a", "--protocoll", "knn"}), 2,
                {"--protocoll: unknown option of amcl evaluate", "nearest is --protocol"});
  check_refused(amcl({"config", "shwo"}), 2,
                {"'shwo' is no command of amcl config", "nearest is show"});
  check_refused(amcl({"pretrain", "--learning-rate=0.1"}), 2,
                {"--learning-rate: unknown option of amcl pretrain; here it is --lr"});
  check_refused(amcl({"pretrain", "--gpu", "0"}), 2, {"--gpu", "here it is --device cuda"});
  check_refused(amcl({"evaluate", "runs/a", "--bs", "64"}), 2,
                {"--bs: unknown option of amcl evaluate; the nearest is"});
  check_refused(amcl({"info", "extra"}), 2, {"'extra'", "amcl info takes no such argument"});
  check_refused(amcl({}), 2,
                {"a command is missing after 'amcl'",
                 "pretrain, finetune, evaluate, predict, embed, export, augment, data, verify"});
  check_refused(amcl({"bench"}), 2,
                {"a command is missing after 'amcl bench'", "data, encoder, pairs, step"});
}

TEST_CASE("cli: help is a command too, before a command and after it") {
  CHECK(amcl({"help"}).out == amcl({"--help"}).out);
  const std::string help = amcl({"pretrain", "--help"}).out;
  CHECK(amcl({"help", "pretrain"}).out == help);
  CHECK(amcl({"pretrain", "help"}).out == help);
  CHECK(amcl({"pretrain", "help"}).code == 0);
  CHECK(amcl({"bench", "help", "step"}).out == amcl({"bench", "step", "--help"}).out);
}

TEST_CASE("cli: what is missing is named") {
  check_refused(amcl({"pretrain", "--batch"}), 2, {"--batch needs a value", "--batch N"});
  check_refused(amcl({"pretrain", "--out", "x"}), 2, {"--data is missing", "shapes10"});
  check_refused(amcl({"pretrain", "--data", "shapes10"}), 2, {"--out is missing"});
  check_refused(amcl({"verify"}), 2, {"nothing to verify", "ops"});
  const TemporaryDirectory directory;
  const std::string absent = directory.path() + "/absent";
  check_refused(amcl({"config", "show", "--config", absent}), 66, {absent});
  check_refused(amcl({"pretrain", "--resume", absent}), 66,
                {"--resume " + absent + ": there is no run", "earlier run"});
}

TEST_CASE("cli: a bad option of evaluate names option, value and remedy") {
  check_refused(amcl({"evaluate", "r", "--k", "0"}), 2, {"--k is '0'", "at least 1"});
  check_refused(amcl({"evaluate", "r", "--k", "x"}), 2, {"--k is 'x'", "whole number"});
  check_refused(amcl({"evaluate", "r", "--protocol", "knn,lineer"}), 2,
                {"--protocol is 'lineer'", "knn, linear", "nearest is linear"});
  check_refused(amcl({"evaluate", "r", "--knn-temperature", "0"}), 2,
                {"--knn-temperature is '0'", "above 0"});
  check_refused(amcl({"evaluate", "r", "--features", "pixel"}), 2,
                {"--features is 'pixel'", "nearest is pixels"});
}

TEST_CASE("cli: a typo in a TOML file is reported with file, line and nearest key") {
  const TemporaryDirectory directory;
  const auto show = [](const std::string& path) {
    return amcl({"config", "show", "--config", path});
  };
  const std::string key =
      directory.write("key.toml", "[train]\nbatch = 64\n[optimizer]\nlrr = 1\n");
  check_refused(show(key), 2,
                {key + ":4: [optimizer] lrr: unknown key", "nearest is [optimizer] lr"});
  const std::string table = directory.write("table.toml", "\n[optimiser]\nlr = 0.1\n");
  check_refused(show(table), 2, {table + ":2: [optimiser] is no table", "nearest is [optimizer]"});
  const std::string place = directory.write("place.toml", "[train]\nlr = 0.1\n");
  check_refused(show(place), 2, {place + ":2: [train] lr", "belongs under [optimizer]"});
  const std::string top = directory.write("top.toml", "lr = 0.1\n");
  check_refused(show(top), 2, {top + ":1: lr stands under no table", "[optimizer]"});
  const std::string value = directory.write("value.toml", "[train]\n\nbatch = 1\n");
  check_refused(show(value), 2, {value + ":3: [train] batch is 1", "at least 2"});
  const std::string kind = directory.write("kind.toml", "[train]\nbatch = \"64\"\n");
  check_refused(show(kind), 2, {kind + ":2: [train] batch is \"64\"", "without quotes"});
  const std::string syntax = directory.write("syntax.toml", "[train]\nbatch = = 64\n");
  check_refused(show(syntax), 2, {syntax + ":2: "});
}

TEST_CASE("cli: a misspelt environment variable is refused, a script's own warned of") {
  check_refused(amcl({"config", "show"}, {"AMCL_TRAIN_BATHC=64"}), 2,
                {"AMCL_TRAIN_BATHC is no setting", "nearest is AMCL_TRAIN_BATCH"});
  check_refused(amcl({"config", "show"}, {"AMCL_TRAIN_BATCH=1"}), 2,
                {"AMCL_TRAIN_BATCH is 1", "at least 2"});
  check_refused(amcl({"config", "show"}, {"AMCL_TRIAN_BATCHS=64"}), 2,
                {"AMCL_TRIAN_BATCHS is no setting", "nearest is AMCL_TRAIN_BATCH"});
  const ProcessResult other = amcl({"config", "show"}, {"AMCL_DATA_ROOT=/data"});
  CHECK(other.code == 0);
  CHECK(other.err ==
        "amcl: warning: environment variable AMCL_DATA_ROOT is no setting; the nearest is "
        "AMCL_DATA_DATA\n");
}

TEST_CASE("cli: config show gives every value and where it came from") {
  const TemporaryDirectory directory;
  const std::string file = directory.write(
      "a.toml", "[train]\nepochs = 7\nbatch = 32\n\n[objective]\ntemperature = \"adaptive\"\n");
  const ProcessResult result = amcl({"config", "show", "--json", "--config", file, "--batch", "16",
                                     "--set", "optimizer.lr=0.25", "--no-decay-norm-bias"},
                                    {"AMCL_TRAIN_EPOCHS=9", "AMCL_TRAIN_BATCH=8"});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  const auto record = nlohmann::json::parse(result.out);
  const auto check = [&](const char* table, const char* key, const nlohmann::json& value,
                         const std::string& origin) {
    INFO(table, ".", key);
    CHECK(record.at(table).at(key).at("value") == value);
    CHECK(record.at(table).at(key).at("origin") == origin);
  };
  check("train", "batch", 16, "--batch");
  check("train", "epochs", 9, "AMCL_TRAIN_EPOCHS");
  check("optimizer", "lr", 0.25, "--set lr");
  check("optimizer", "decay_norm_bias", false, "--decay-norm-bias");
  check("objective", "temperature", "adaptive", file + ":6");
  check("objective", "beta", 0.3, "objective amcl");
  check("objective", "barlow_fit", nullptr, "not used");
  check("model", "backbone", "resnet18", "default");
  for (const KnownSetting& known : known_settings(RunKind::pretrain)) {
    const Setting& setting = known.setting;
    CHECK_MESSAGE(record.at(setting.table).contains(setting.key), config_name_of(setting));
  }
}

TEST_CASE("cli: config list names the presets, and show gives one with what is laid over it") {
  const ProcessResult list = amcl({"config", "list"});
  REQUIRE(list.code == 0);
  CHECK(list.out.find("contrastive2021-simclr ") != std::string::npos);
  CHECK(list.out.find(" SimCLR on CIFAR-10 as in contrastive2021") != std::string::npos);
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"config", "show", "solo-simclr", "--json", "--batch", "64"},
        {"config", "show", "--preset", "solo-simclr", "--json", "--batch", "64"}}) {
    const ProcessResult shown = amcl(command);
    REQUIRE_MESSAGE(shown.code == 0, shown.err);
    const auto record = nlohmann::json::parse(shown.out);
    CHECK(record["optimizer"]["trust"]["value"] == 0.02);
    CHECK(record["optimizer"]["trust"]["origin"] == "preset solo-simclr");
    CHECK(record["optimizer"]["beta1"]["origin"] == "not used");
    CHECK(record["train"]["batch"]["origin"] == "--batch");
  }
  check_refused(amcl({"config", "show", "solo-simcrl"}), 2,
                {"--preset solo-simcrl", "the nearest is solo-simclr"});
}

TEST_CASE("cli: what config show prints is a configuration file again") {
  const TemporaryDirectory directory;
  const std::vector<std::string> command = {"config",  "show", "--temperature", "adaptive",
                                            "--heads", "3",    "--lr",          "0.1"};
  const ProcessResult first = amcl(command);
  REQUIRE_MESSAGE(first.code == 0, first.err);
  const std::string file = directory.write("again.toml", first.out);
  const ProcessResult again = amcl({"config", "show", "--config", file});
  REQUIRE_MESSAGE(again.code == 0, again.err);
  const auto without_comments = [](const std::string& text) {
    std::string result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) result += line.substr(0, line.find('#'));
    return result;
  };
  CHECK(without_comments(first.out) == without_comments(again.out));
}

TEST_CASE("cli: help opens with usage and two examples, and knows every setting") {
  const std::vector<std::vector<std::string>> commands = {{},
                                                          {"pretrain"},
                                                          {"finetune"},
                                                          {"evaluate"},
                                                          {"predict"},
                                                          {"verify"},
                                                          {"bench"},
                                                          {"config"},
                                                          {"config", "show"},
                                                          {"info"},
                                                          {"bench", "data"},
                                                          {"bench", "pairs"},
                                                          {"bench", "step"},
                                                          {"augment"},
                                                          {"data"},
                                                          {"data", "pack"},
                                                          {"data", "fetch"},
                                                          {"data", "info"},
                                                          {"data", "verify"}};
  for (std::vector<std::string> arguments : commands) {
    arguments.push_back("--help");
    const ProcessResult result = amcl(arguments);
    INFO(result.out);
    CHECK(result.code == 0);
    CHECK(result.err.empty());
    CHECK(result.out.starts_with("Usage: amcl "));
    const size_t examples = result.out.find("\nExamples:\n  amcl ");
    REQUIRE(examples != std::string::npos);
    CHECK(result.out.find("\n  amcl ", examples + 14) != std::string::npos);
  }
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"pretrain", "--help"}, {"config", "show", "--help"}}) {
    const std::string help = amcl(arguments).out;
    for (const KnownSetting& known : known_settings(RunKind::pretrain)) {
      const std::string name = flag_of(known.setting.key);
      const std::string flag = known.is_switch() ? "--[no-]" + name.substr(2) : name + ' ';
      CHECK_MESSAGE(help.find("\n  " + flag) != std::string::npos, flag);
    }
    CHECK(help.find("resnet18, resnet34, resnet50") != std::string::npos);
    CHECK(help.find("default 128") != std::string::npos);
    CHECK(help.find("pixels") != std::string::npos);
  }
}

TEST_CASE("cli: augment draws the picture and prints what was drawn for each view") {
  const test::TemporaryDirectory directory;
  const std::string grid = directory.path() + "/views.png";
  const ProcessResult result = amcl({"augment", "--data", "shapes10", "--limit", "20", "--grid",
                                     grid, "--views", "3", "--solarize", "0,1"});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  CHECK(std::filesystem::file_size(grid) > 1000);
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 8 * 3);
  CHECK(result.out.starts_with("{\"row\":0,\"column\":1,\"image\":"));
  const std::string second = result.out.substr(result.out.find('\n') + 1);
  CHECK(result.out.substr(0, result.out.find('\n')).ends_with("\"solarize\":false}"));
  CHECK(second.substr(0, second.find('\n')).ends_with("\"solarize\":true}"));
  check_refused(amcl({"augment", "--data", "shapes10"}), 2, {"--grid is missing"});
  check_refused(amcl({"augment", "--grid", grid}), 2, {"--data is missing"});
  check_refused(amcl({"augment", "--data", "shapes10", "--grid", "a.png", "--views", "0"}), 2,
                {"--views is '0'", "from 1 to 64"});
  check_refused(amcl({"augment", "--data", "shapes10", "--grid", directory.path() + "/no/a.png"}),
                74, {"no/a.png"});
}

TEST_CASE("cli: help and version start quickly") {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    CHECK(amcl({"--help"}).code == 0);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  MESSAGE("amcl --help: ", best, " ms with the fork (wanted: less than 20)");
}

TEST_CASE("cli: version and info name commit, libraries and devices") {
  const ProcessResult version = amcl({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("amcl 0."));
  CHECK(version.out.find("(commit ") != std::string::npos);
  CHECK(version.out.find("oneDNN ") != std::string::npos);
  CHECK(version.out.find("\ncuda: ") != std::string::npos);

  const ProcessResult info = amcl({"info", "--json"});
  REQUIRE(info.code == 0);
  const auto record = nlohmann::json::parse(info.out);
  for (const char* key : {"version", "commit", "compiler", "cpu", "cpu_features", "cores",
                          "threads", "memory_gib", "devices", "convolutions"}) {
    CHECK_MESSAGE(record.contains(key), key);
  }
  CHECK(record.at("devices").contains("cuda"));
}

TEST_CASE("cli: colour only where it was asked for") {
  const auto colored = [](const std::vector<std::string>& flags,
                          const std::vector<std::string>& environment) {
    std::vector<std::string> arguments = {"pretrain", "--heads", "0"};
    arguments.insert(arguments.begin(), flags.begin(), flags.end());
    return amcl(arguments, environment).err.find('\x1b') != std::string::npos;
  };
  CHECK_FALSE(colored({}, {}));
  CHECK(colored({"--color", "always"}, {}));
  CHECK(colored({"--color", "always"}, {"NO_COLOR=1"}));
  CHECK_FALSE(colored({"--color", "never"}, {}));
}

TEST_CASE("cli: a result that cannot be written is an error") {
  const ProcessResult result =
      test::run_process({"/bin/sh", "-c", std::string(AMCL_BINARY) + " info >/dev/full"});
  check_refused(result, 74, {"cannot write to standard output", "No space left"});
}

}  // namespace
}  // namespace amcl
