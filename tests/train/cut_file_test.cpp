// A file that becomes shorter while it is in use ends a command with a line, not with a signal.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "data/packed/packed_writer.h"
#include "tests/data/encode.h"
#include "tests/train/subprocess.h"

namespace amcl {
namespace {

namespace fs = std::filesystem;

// A packed set of images that take a while each: often the same of 9 megapixels, white.
std::string write_slow_set(const test::TemporaryDirectory& directory) {
  constexpr int kSide = 3000;
  const std::string content =
      encode_png(std::vector<uint8_t>(kSide * kSide * 3, 255), kSide, kSide);
  const std::string path = directory.path() + "/set.amcl";
  PackedWriter writer(path, 0);
  PackedSet set;
  set.header.size = 8;
  for (uint32_t i = 0; i < 400; ++i) {
    writer.add(i, i, {kSide, kSide},
               {reinterpret_cast<const uint8_t*>(content.data()), content.size()});
    set.images.push_back({.name = std::to_string(i)});
  }
  writer.finish(set);
  return path;
}

// Cuts `file` when the command has worked for a while.
test::ProcessResult cut_while(const std::string& file, std::vector<std::string> arguments) {
  std::thread cutting([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    fs::resize_file(file, 4096);
  });
  arguments.insert(arguments.begin(), AMCL_BINARY);
  const test::ProcessResult result = test::run_process(arguments);
  cutting.join();
  return result;
}

TEST_CASE("cut file: a packed set that is cut while it is verified ends with a line") {
  const test::TemporaryDirectory directory;
  const std::string file = write_slow_set(directory);
  const test::ProcessResult result = cut_while(file, {"data", "verify", file, "--threads", "1"});
  INFO(result.err);
  CHECK(result.code == 65);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') <= 1);
  // Of an image that is read after the cut, or of the file when its next part is opened.
  const std::string text = result.out + result.err;
  CHECK((text.find(file + " has become shorter while it is in use") != std::string::npos ||
         text.find(file + ": is cut short") != std::string::npos));
}

TEST_CASE("cut file: a packed set that is cut while it is trained on ends the run with a line") {
  const test::TemporaryDirectory directory;
  const std::string file = write_slow_set(directory);
  const test::ProcessResult result =
      cut_while(file, {"pretrain", "--data", file, "--out", directory.path() + "/run", "--width",
                       "2", "--batch", "4", "--workers", "1", "--epochs", "50", "--head-hidden",
                       "4", "--head-dim", "4"});
  INFO(result.err);
  CHECK(result.code == 65);
  CHECK(result.err.find("amcl: " + file +
                        " has become shorter while it is in use; --on-error skip "
                        "goes on without such images\n") != std::string::npos);
}

}  // namespace
}  // namespace amcl
