// What a terminal would take as commands never reaches it, whatever files and their metadata are called.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/train/subprocess.h"
#include "train/printable.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;
using test::ProcessResult;

TEST_CASE("printable: control characters and what is not UTF-8 are shown by their numbers") {
  CHECK(printable("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 ~") ==
        "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 ~");
  CHECK(printable("a\x1b[31m\n\t\x7f") == "a\\x1b[31m\\x0a\\x09\\x7f");
  CHECK(printable(std::string("\0", 1)) == "\\x00");
  CHECK(printable("\xc2\x9b\xc2\xa0") == "\\xc2\\x9b\xc2\xa0");  // C1, and the first behind it
  CHECK(printable("\x9b\xff") == "\\x9b\\xff");
  CHECK(printable("\xc0\x9b\xc1\xbf") == "\\xc0\\x9b\\xc1\\xbf");  // too long for ASCII
  CHECK(printable("\xe0\x82\x9b\xed\xa0\x80") == "\\xe0\\x82\\x9b\\xed\\xa0\\x80");  // a surrogate
  CHECK(printable("\xf0\x82\x82\xac\xf5") == "\\xf0\\x82\\x82\\xac\\xf5");
  CHECK(printable("cut \xe2\x82") == "cut \\xe2\\x82");
}

TEST_CASE("printable: JSON stays JSON, whatever bytes its texts hold") {
  nlohmann::ordered_json record;
  record["n\xff"] = "\x1b\x7f\xc2\x9b\xc3\xa9\"";
  const std::string text = json_text(record, 2);
  CHECK(text == "{\n  \"n\xef\xbf\xbd\": \"\\u001b\\u007f\\u009b\xc3\xa9\\\"\"\n}");
  CHECK(nlohmann::json::parse(text)["n\xef\xbf\xbd"] == "\x1b\x7f\xc2\x9b\xc3\xa9\"");
}

// A name that turns a terminal red, sets its title, and begins a line of its own.
const std::string kHostileText = "a\x1b[31m\x1b]0;x\x07\xc2\x9b\x7f\namcl: all is well";
// Names inside of a set need not even be text.
const std::string kHostile = kHostileText + "\x9b\xff";

ProcessResult amcl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), AMCL_BINARY);
  return test::run_process(arguments);
}

void check_harmless(const ProcessResult& result, int code) {
  CHECK(result.code == code);
  for (std::string text : {result.out, result.err}) {
    INFO(printable(text));
    CHECK(text.find("\namcl: all is well") == std::string::npos);
    std::erase(text, '\n');
    CHECK(printable(text) == text);
  }
}

TEST_CASE("terminal: names of files, classes and sets are shown harmless by every command") {
  const test::TemporaryDirectory directory;
  const std::string set = directory.path() + '/' + kHostileText;
  for (const char* part : {"train", "val"})
    for (const std::string& name : {kHostile, kHostile + "b"}) {
      const std::string folder = set + "/" + part + "/" + name;
      fs::create_directories(folder);
      for (int i = 0; i < (name == kHostile ? 4 : 5); ++i)
        directory.write(folder.substr(directory.path().size() + 1) + '/' + kHostile +
                            std::to_string(i) + ".ppm",
                        "P6 2 2 255 " + std::string(12, static_cast<char>(40 * (i / 2))));
    }
  const std::string packed = directory.path() + "/packed" + kHostileText;
  const std::vector<std::string> training = {
      "pretrain", "--data",     set, "--width",   "2", "--batch",
      "4",        "--epochs",   "1", "--size",    "8", "--head-hidden",
      "4",        "--head-dim", "4", "--workers", "0"};
  const auto trained = [&](std::vector<std::string> more) {
    more.insert(more.begin(), training.begin(), training.end());
    return amcl(more);
  };
  check_harmless(amcl({"data", "info", set}), 0);
  check_harmless(amcl({"data", "verify", set}), 0);
  check_harmless(amcl({"data", "pack", set, packed}), 0);
  check_harmless(amcl({"data", "pack", set, packed}), 2);
  check_harmless(amcl({"data", "info", packed}), 0);
  check_harmless(trained({"--dry-run"}), 0);
  const std::string run = directory.path() + "/run";
  check_harmless(trained({"--out", run}), 0);
  check_harmless(amcl({"evaluate", run}), 0);
  check_harmless(amcl({"evaluate", run, "--json"}), 0);
  check_harmless(amcl({"augment", "--data", set, "--size", "8", "--grid", set + ".png"}), 0);
  check_harmless(amcl({"config", "show", "--data", set}), 0);
  check_harmless(amcl({"config", "show", "--data", set, "--json"}), 0);
  check_harmless(amcl({"pretrain", "--config", set}), 65);
  check_harmless(amcl({kHostile}), 2);
  directory.write(kHostileText + "/train/" + kHostile + "/bad" + kHostile + ".jpg", "no image");
  check_harmless(amcl({"data", "verify", set}), 65);
  const ProcessResult verified = amcl({"data", "verify", set, "--json"});
  check_harmless(verified, 65);
  CHECK(nlohmann::json::parse(verified.out)["damaged"].size() == 1);
  check_harmless(trained({"--out", run + '2'}), 65);
  check_harmless(trained({"--out", run + '3', "--on-error", "skip"}), 0);
  check_harmless(amcl({"data", "pack", set, packed, "--overwrite", "--on-error", "skip", "--json"}),
                 0);
}

}  // namespace
}  // namespace amcl
