// Who may include whom. Layers build on what is to their left:
//
//   core <- backend <- autograd <- ops <- nn <- models <- train,   core <- io <- train,   data,
//   nn <- optimizer <- train
//
// within train/ as its README lists,
// and the libraries of a device stay in the folder of its backend. The linker enforces the same
// between libraries; this test also sees headers.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace amcl {
namespace {

namespace fs = std::filesystem;

// The folders whose headers a folder may include besides its own. engine/backend is the seam alone:
// its sub-folders are entries of their own.
const std::map<std::string, std::set<std::string>>& allowed_folders() {
  static const std::map<std::string, std::set<std::string>> allowed = [] {
    std::map<std::string, std::set<std::string>> result;
    const std::string core = "engine/core";
    const std::string seam = "engine/backend";
    result[core] = {};
    result["engine/io"] = {core};
    result[seam] = {core};
    result["engine/backend/plain"] = {core, seam};
    result["engine/backend/cpu"] = {core, seam, "engine/backend/plain"};
    result["engine/backend/cuda"] = {core, seam};
    result["engine/autograd"] = {core, seam};
    result["engine/ops"] = {core, seam, "engine/autograd"};
    result["engine/nn"] = {core, seam, "engine/autograd", "engine/ops"};
    const std::string optimizer = "engine/optimizer";
    result[optimizer] = {core, seam, "engine/nn"};
    result["engine/op_cases"] = {core, seam, "engine/autograd", "engine/ops"};
    // data/ in rooms, each above those before it but for fetch.
    const std::string io = "engine/io";
    result["data/decode"] = {core, io};
    result["data"] = {core, seam, io, "data/decode"};
    result["data/views"] = {core, seam, io, "data/decode", "data"};
    result["data/packed"] = {core, seam, io, "data/decode", "data", "data/views"};
    result["data/sources"] = {core, seam, io, "data/decode", "data", "data/views", "data/packed"};
    result["data/fetch"] = {core, io, "data/decode"};
    result["models"] = {core, seam, "engine/autograd", "engine/ops", "engine/nn"};
    std::set<std::string> below_train{core,      seam, "engine/autograd", "engine/ops", "engine/nn",
                                      optimizer, io,   "models"};
    for (const auto& [folder, unused] : result)
      if (folder.starts_with("data")) below_train.insert(folder);
    const auto part_of_train = [&](const std::string& name, std::set<std::string> also) {
      also.insert(below_train.begin(), below_train.end());
      result["train/" + name] = std::move(also);
    };
    const std::string program = "train";
    const std::string config = "train/config";
    const std::string assembly = "train/assembly";
    const std::string step = "train/step";
    const std::string checkpoint = "train/checkpoint";
    const std::string encoder = "train/encoder";
    const std::string evaluation = "train/evaluation";
    const std::string pictures = "train/pictures";
    const std::string run = "train/run";
    const std::string bench = "train/bench";
    const std::string commands = "train/commands";
    part_of_train("config", {});
    part_of_train("assembly", {config});
    part_of_train("step", {});
    part_of_train("checkpoint", {});
    part_of_train("encoder", {checkpoint});
    part_of_train("evaluation", {config, assembly, checkpoint, encoder});
    part_of_train("pictures", {evaluation});
    part_of_train("run", {config, assembly, step, checkpoint, encoder, evaluation, program});
    part_of_train("bench", {config, assembly, step, program});
    part_of_train("commands", {config, assembly, checkpoint, encoder, evaluation, pictures, run,
                               bench, "engine/op_cases", program});
    result[program] = below_train;
    result[program].insert(commands);
    return result;
  }();
  return allowed;
}

// The folder of the table that holds `path`; empty for none.
std::string folder_of(const std::string& path) {
  std::string best;
  for (const auto& [folder, unused] : allowed_folders())
    if (path.starts_with(folder + "/") && folder.size() > best.size()) best = folder;
  return best;
}

// What a header belongs to if it is one of a device's libraries: the only folder that may use it.
std::string home_of_library(const std::string& header) {
  static const std::regex cuda(R"((cuda|cudnn|cublas|curand|nccl|nvtx|nvToolsExt).*)");
  static const std::regex cpu(R"((oneapi/dnnl/|dnnl|hwy/).*)");
  if (std::regex_match(header, cuda)) return "engine/backend/cuda";
  if (std::regex_match(header, cpu)) return "engine/backend/cpu";
  return "";
}

struct Include {
  char quote;  // < or "
  std::string header;
};

std::vector<Include> includes(const std::string& text) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)re");
  std::vector<Include> result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (std::smatch match; std::regex_match(line, match, include))
      result.push_back({match[1].str().front(), match[2]});
  return result;
}

// The rules that `text`, the content of the file `path`, breaks: one line each.
std::vector<std::string> violations(const std::string& path, const std::string& text) {
  const std::string folder = folder_of(path);
  const bool knows_backends = path == "engine/backend/open.cpp";
  std::vector<std::string> result;
  for (const auto& [quote, header] : includes(text)) {
    const std::string home = home_of_library(header);
    const std::string target = folder_of(header);
    if (!home.empty()) {
      if (home != folder)
        result.push_back(path + " includes " + header + ": only " + home + " may");
    } else if (quote == '"' && target.empty()) {
      result.push_back(path + " includes \"" + header + "\": not a full path from the root");
    } else if (!target.empty() && target != folder && !knows_backends &&
               !allowed_folders().at(folder).contains(target)) {
      result.push_back(path + " includes " + header + ": " + folder + " is not above " + target);
    }
  }
  return result;
}

std::string read(const std::string& path) {
  std::ifstream file(fs::path(AMCL_SOURCE_DIR) / path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The C++ sources below the given folders, as paths from the root.
std::vector<std::string> sources(const std::vector<std::string>& folders) {
  static const std::set<std::string> endings{".h", ".cpp", ".cu", ".cuh"};
  const fs::path root = AMCL_SOURCE_DIR;
  std::vector<std::string> result;
  for (const std::string& folder : folders)
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (endings.contains(entry.path().extension().string()))
        result.push_back(fs::relative(entry.path(), root).generic_string());
  return result;
}

TEST_CASE("include rules: no folder of the tree reaches to its right") {
  const std::vector<std::string> paths = sources({"engine", "models", "data", "train"});
  CHECK(paths.size() > 60);
  for (const std::string& path : paths) {
    REQUIRE_MESSAGE(!folder_of(path).empty(), path, ": its folder is not in the table");
    for (const std::string& violation : violations(path, read(path))) FAIL_CHECK(violation);
  }
}

TEST_CASE("include rules: every header is where the path from the root says") {
  for (const std::string& path : sources({"engine", "models", "data", "train", "tests"})) {
    for (const Include& include : includes(read(path)))
      CHECK_MESSAGE((include.quote != '"' || !home_of_library(include.header).empty() ||
                     fs::exists(fs::path(AMCL_SOURCE_DIR) / include.header)),
                    path, " includes ", include.header);
  }
}

TEST_CASE("include rules: each kind of violation is found") {
  struct Sample {
    const char* path;
    const char* include;
    bool allowed;
  };
  for (const Sample& sample : {
           Sample{"engine/core/tensor.cpp", "#include \"engine/core/device.h\"", true},
           Sample{"engine/core/tensor.cpp", "#include \"engine/backend/backend.h\"", false},
           Sample{"engine/core/tensor.cpp", "#include \"device.h\"", false},
           Sample{"engine/core/tensor.cpp", "#include <vector>", true},
           Sample{"engine/ops/pool.cpp", "#include \"engine/backend/backend.h\"", true},
           Sample{"engine/ops/pool.cpp", "#include \"engine/nn/layers.h\"", false},
           Sample{"engine/ops/pool.cpp", "  #  include \"engine/backend/plain/dispatch.h\"", false},
           Sample{"engine/backend/cpu/conv.cpp", "#include \"engine/backend/plain/dispatch.h\"",
                  true},
           Sample{"engine/backend/plain/conv.cpp", "#include \"engine/backend/cpu/conv.h\"", false},
           Sample{"engine/backend/open.cpp", "#include \"engine/backend/cpu/open_cpu.h\"", true},
           Sample{"engine/backend/open.h", "#include \"engine/backend/cpu/open_cpu.h\"", false},
           Sample{"models/resnet.cpp", "#include \"train/config/config.h\"", false},
           Sample{"models/resnet.cpp", "#include \"engine/optimizer/optimizer.h\"", false},
           Sample{"train/step/step.cpp", "#include \"engine/optimizer/optimizer.h\"", true},
           Sample{"data/views/loader.cpp", "#include \"engine/ops/ops.h\"", false},
           Sample{"data/dataset.cpp", "#include \"data/sources/cifar.h\"", false},
           Sample{"data/views/loader.cpp", "#include \"data/sources/cifar.h\"", false},
           Sample{"data/sources/cifar.cpp", "#include \"data/packed/packed_file.h\"", true},
           Sample{"train/evaluation/knn.cpp", "#include \"models/resnet.h\"", true},
           Sample{"train/evaluation/knn.cpp", "#include <cuda_runtime.h>", false},
           Sample{"train/run/trainer.cpp", "#include \"train/step/step.h\"", true},
           Sample{"train/step/step.cpp", "#include \"train/run/trainer.h\"", false},
           Sample{"engine/backend/cuda/conv.cpp", "#include <cudnn.h>", true},
           Sample{"engine/backend/cpu/conv.cpp", "#include <oneapi/dnnl/dnnl.hpp>", true},
           Sample{"engine/backend/plain/conv.cpp", "#include <oneapi/dnnl/dnnl.hpp>", false},
           Sample{"data/views/loader.cpp", "#include \"hwy/highway.h\"", false},
       }) {
    INFO(std::string(sample.path), ": ", std::string(sample.include));
    CHECK(violations(sample.path, sample.include).empty() == sample.allowed);
  }
}

}  // namespace
}  // namespace amcl
