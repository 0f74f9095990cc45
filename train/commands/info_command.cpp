#include <unistd.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "train/commands/command_table.h"
#include "train/exit_code.h"
#include "train/printable.h"
#include "train/version.h"

namespace amcl {
namespace {

using Record = nlohmann::ordered_json;

// The value of the first line "key : value" of a file of /proc; empty if there is none.
std::string proc_value(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

// The instruction sets that matter to the kernels, of those that the CPU has.
std::string cpu_features() {
  std::istringstream flags(proc_value("/proc/cpuinfo", "flags"));
  std::string found;
  for (std::string flag; flags >> flag;) {
    const bool matters = flag == "sse4_2" || flag == "fma" || flag == "f16c" ||
                         flag.starts_with("avx") || flag.starts_with("amx");
    if (!matters) continue;
    if (!found.empty()) found += ' ';
    found += flag;
  }
  return found;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

double gibibytes(const std::string& kilobytes) {
  return std::strtod(kilobytes.c_str(), nullptr) / (1024.0 * 1024.0);
}

// One decimal, which is what memory sizes deserve.
double rounded(double value) {
  return static_cast<double>(static_cast<int64_t>(value * 10.0 + 0.5)) / 10.0;
}

Record collect() {
  Record record;
  record["version"] = program_version();
  record["commit"] = program_commit();
  record["compiler"] = compiler();
  for (const BackendDescription& backend : describe_backends()) {
    record["devices"][backend.name] = backend.description;
    if (!backend.convolutions.empty()) record["convolutions"] = backend.convolutions;
  }
  record["cpu"] = proc_value("/proc/cpuinfo", "model name");
  record["cpu_features"] = cpu_features();
  record["cores"] = std::thread::hardware_concurrency();
  record["threads"] = compute_threads();
  record["memory_gib"] = rounded(gibibytes(proc_value("/proc/meminfo", "MemTotal")));
  record["memory_available_gib"] = rounded(gibibytes(proc_value("/proc/meminfo", "MemAvailable")));
  return record;
}

void print_text(const Record& record) {
  const auto line = [](const std::string& name, const std::string& text) {
    std::cout << name << std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') << text << '\n';
  };
  const auto text_of = [](const Record& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  line("amcl", text_of(record["version"]) + ", commit " + text_of(record["commit"]));
  line("compiler", text_of(record["compiler"]));
  for (const auto& [name, text] : record["devices"].items()) line("device " + name, text_of(text));
  line("convolutions", text_of(record["convolutions"]));
  line("CPU", text_of(record["cpu"]));
  line("", text_of(record["cpu_features"]));
  line("cores", text_of(record["cores"]) + ", compute threads " + text_of(record["threads"]));
  line("memory", text_of(record["memory_gib"]) + " GiB, " +
                     text_of(record["memory_available_gib"]) + " GiB available");
}

int run(bool json) {
  const Record record = collect();
  if (json) {
    std::cout << json_text(record, 2) << '\n';
  } else {
    print_text(record);
  }
  return kExitDone;
}

}  // namespace

void add_info_command(CommandTable& table, CLI::App& root) {
  auto json = std::make_shared<bool>(false);
  CLI::App* app = table.add(root, "info", "print the program's version and what this machine has",
                            {.usage = "amcl info [--json]",
                             .examples = {"amcl info", "amcl info --json"},
                             .run = [json](const GlobalOptions&) { return run(*json); }});
  app->add_flag("--json", *json, "one JSON object on stdout instead of text");
}

}  // namespace amcl
