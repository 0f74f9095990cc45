#include "train/commands/data_pack.h"

#include <iostream>

#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "train/commands/data_report.h"
#include "train/count_progress.h"
#include "train/exit_code.h"
#include "train/printable.h"

namespace amcl {
namespace {

void print_json(const DataPackOptions& options, const PackReport& report) {
  nlohmann::ordered_json record;
  record["file"] = options.file;
  record["name"] = report.name;
  record["layout"] = report.layout;
  for (const PackedPart& part : report.parts) record["images"][key_of(part.split)] = part.images;
  record["resumed"] = report.resumed;
  record["left_out"] = report.left_out;
  record["bytes"] = report.bytes;
  print_record(std::cout, record);
}

void print_text(const DataPackOptions& options, const PackReport& report) {
  constexpr int64_t kKilo = 1000;
  std::cout << printable(options.file) << "\n  set       " << printable(report.name) << " ("
            << printable(report.layout) << ")\n  images    ";
  for (size_t i = 0; i < report.parts.size(); ++i)
    std::cout << (i == 0 ? "" : ", ") << report.parts[i].images << ' '
              << name_of(report.parts[i].split);
  if (report.resumed > 0) std::cout << "; " << report.resumed << " of them packed before";
  if (!report.left_out.empty()) std::cout << "; " << report.left_out.size() << " left out";
  for (const PackedPart& part : report.parts)
    if (const std::string others = part.passed_over.text(); !others.empty())
      std::cout << "\n  " << name_of(part.split) << ": " << printable(others);
  std::cout << "\n  size      " << report.bytes / kKilo << " kB\n";
}

}  // namespace

int run_data_pack(const DataPackOptions& options) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  PackReport report;
  {
    CountProgress progress(options.progress, stderr);
    PackOptions pack = options.pack;
    pack.skip_bad_images = options.on_error == "skip";
    pack.progress = [&](Split part, int64_t done, int64_t count) {
      progress.update(done, count, std::string(name_of(part)) + " images");
    };
    report = pack_dataset(*backend, options.source, options.file, pack);
  }
  for (const std::vector<std::string>* lines : {&report.warnings, &report.left_out})
    for (const std::string& line : *lines)
      std::fprintf(stderr, "amcl: warning: %s\n", printable(line).c_str());
  if (options.json)
    print_json(options, report);
  else
    print_text(options, report);
  return kExitDone;
}

}  // namespace amcl
