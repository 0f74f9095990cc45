#include "tests/golden/golden_suite.h"

#include <algorithm>
#include <filesystem>

namespace amcl {
namespace {

void compute(GoldenCase& golden, const SafetensorsFile& file) {
  const auto value = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  const std::string objective = value("objective");
  const std::string name = value("case");
  if (!objective.empty()) {
    run_objective(golden, objective);
  } else if (name.starts_with("model_")) {
    run_model(golden);
  } else if (!run_operation(golden, name) && !run_training(golden, name)) {
    throw GoldenFailure("the metadata has no `objective`, and `case` = '" + name +
                        "' is not known");
  }
}

// Empty if the file passes.
std::string failure_of(const SafetensorsFile& file, const GoldenRun& run) {
  try {
    GoldenCase golden(file, run);
    try {
      compute(golden, file);
      if (golden.expects_error()) return "must be refused with an error, but was computed";
    } catch (const Error& error) {
      if (!golden.expects_error()) return std::string("refused: ") + error.what();
      if (error.kind() != ErrorKind::usage)
        return std::string("refused for another reason: ") + error.what();
    }
    golden.check_complete();
    return {};
  } catch (const GoldenFailure& failure) {
    return failure.what();
  }
}

}  // namespace

GoldenReport run_goldens(const std::string& directory, std::span<const GoldenRun> runs) {
  GoldenReport report;
  std::vector<std::filesystem::path> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(directory, missing))
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  if (paths.empty())
    report.failures.push_back("no .safetensors files in '" + directory + "'" +
                              (missing ? ": " + missing.message() : ""));
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    ++report.files;
    std::string failure;
    std::string where;
    try {
      const SafetensorsFile file = read_safetensors(path.string());
      for (const GoldenRun& run : runs) {
        failure = failure_of(file, run);
        where = " [" + run.name() + "]";
        if (!failure.empty()) break;
      }
    } catch (const Error& error) {
      failure = error.what();
    }
    if (failure.empty())
      ++report.passed;
    else
      report.failures.push_back(path.stem().string() + where + ": " + failure);
  }
  return report;
}

}  // namespace amcl
