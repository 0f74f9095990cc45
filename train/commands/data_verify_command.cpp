#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "engine/backend/open.h"
#include "engine/core/parallel_for.h"
#include "train/commands/data_command.h"
#include "train/commands/data_report.h"
#include "train/commands/option.h"
#include "train/exit_code.h"
#include "train/printable.h"
#include "train/progress.h"
#include "train/progress_counter.h"

namespace amcl {
namespace {

struct Options {
  std::string source;
  std::string layout = "auto";
  int64_t threads = 0;
  bool json = false;
  ProgressOptions progress;
};

// Pairs of duplicates that people see; JSON has all.
constexpr size_t kDuplicatesShown = 5;

int64_t images_of(const DatasetSummary& summary) {
  int64_t count = 0;
  for (const PartSummary& part : summary.parts) count += part.images;
  return count;
}

// Duplicates in another part than the image that they equal.
int64_t count_across_parts(const std::vector<Duplicate>& duplicates) {
  return std::count_if(duplicates.begin(), duplicates.end(), [](const Duplicate& duplicate) {
    return duplicate.split != duplicate.earlier_split;
  });
}

nlohmann::ordered_json record_of(const DatasetVerification& verification) {
  nlohmann::ordered_json record = record_of(verification.summary);
  record["duplicates"] = nlohmann::ordered_json::array();
  for (const Duplicate& duplicate : verification.duplicates)
    record["duplicates"].push_back({{"part", key_of(duplicate.split)},
                                    {"image", duplicate.image},
                                    {"earlier_part", key_of(duplicate.earlier_split)},
                                    {"earlier", duplicate.earlier}});
  record["damaged"] = nlohmann::ordered_json::array();
  for (const PartSummary& part : verification.summary.parts)
    for (const ImageCheck& check : part.damaged)
      record["damaged"].push_back(
          {{"part", key_of(part.split)}, {"image", check.image}, {"error", check.error}});
  record["images"] = images_of(verification.summary);
  record["good"] = verification.damaged() == 0;
  return record;
}

void print_duplicates(const std::vector<Duplicate>& duplicates) {
  std::cout << "  duplicates  ";
  if (duplicates.empty()) {
    std::cout << "none\n";
    return;
  }
  std::cout << duplicates.size() << " images have the same pixels as an earlier one";
  if (const int64_t across = count_across_parts(duplicates); across > 0)
    std::cout << ", " << across << " of them as one of another part";
  std::cout << '\n';
  const auto place = [](Split split, const std::string& name) {
    return std::string(name_of(split)) + ' ' + printable(name);
  };
  for (size_t i = 0; i < std::min(duplicates.size(), kDuplicatesShown); ++i) {
    const Duplicate& pair = duplicates[i];
    std::cout << "    " << place(pair.split, pair.image) << " is "
              << place(pair.earlier_split, pair.earlier) << '\n';
  }
  if (duplicates.size() > kDuplicatesShown) std::cout << "    ... (all with --json)\n";
}

void print_text(const Options& options, const DatasetVerification& verification) {
  print_summary(std::cout, options.source, verification.summary);
  print_duplicates(verification.duplicates);
  for (const PartSummary& part : verification.summary.parts)
    for (const ImageCheck& check : part.damaged)
      std::cout << "  damaged     " << printable(check.error) << '\n';
  const int64_t images = images_of(verification.summary);
  const int64_t damaged = verification.damaged();
  if (damaged == 0)
    std::cout << "  result      all " << images << " images can be read\n";
  else
    std::cout << "  result      " << damaged << " of " << images << " images are damaged\n";
}

int run(const Options& options) {
  if (options.threads > 0) set_compute_threads(static_cast<int>(options.threads));
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  DatasetVerification verification;
  {
    ProgressCounter progress(options.progress, stderr);
    verification =
        verify_dataset(*backend, options.source, {.layout = options.layout},
                       [&](Split part, int64_t done, int64_t count) {
                         progress.update(done, count, std::string(name_of(part)) + " images");
                       });
  }
  if (options.json)
    print_record(std::cout, record_of(verification));
  else
    print_text(options, verification);
  return verification.damaged() == 0 ? kExitDone : kExitData;
}

}  // namespace

void add_data_verify_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App* app = table.add(
      group, "verify",
      "decode every image; count sizes, labels and duplicates (images of the same pixels). Exits "
      "with\n65 if an image is damaged; duplicates are no error.",
      {.usage = "amcl data verify DATA [options]",
       .examples = {"amcl data verify photos", "amcl data verify photos.amcl --json"},
       .run = [options](const GlobalOptions& global) {
         require_source(options->source, "data verify");
         options->progress = progress_options(stderr, global.color);
         return run(*options);
       }});
  add_value(*app, "data", options->source, {.value = "DATA", .help = kSourceHelp});
  add_value(*app, "--layout", options->layout, help_of(*find_setting("layout")))->group("Data");
  add_json_flag(*app, options->json);
  add_value(*app, "--threads", options->threads, help_of(*find_setting("threads")))
      ->group("Machine");
}

}  // namespace amcl
