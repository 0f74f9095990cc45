#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "data/fetch/fetch.h"
#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "train/commands/data_command.h"
#include "train/commands/data_report.h"
#include "train/commands/option.h"
#include "train/exit_code.h"
#include "train/progress.h"
#include "train/progress_counter.h"

namespace amcl {
namespace {

struct Options {
  std::string name;  // of one of published_sets()
  FetchOptions fetch;
  bool json = false;
  ProgressOptions progress;
};

const PublishedSet& set_named(const std::string& name) {
  const std::vector<PublishedSet>& sets = published_sets();
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [&](const PublishedSet& set) { return set.name == name; });
  AMCL_CHECK(found != sets.end(), "data fetch: '", name, "' is not known");
  return *found;
}

std::vector<std::string> names_of_published_sets() {
  std::vector<std::string> names;
  for (const PublishedSet& set : published_sets()) names.push_back(set.name);
  return names;
}

std::string usage(const std::vector<std::string>& names) {
  std::string text = "amcl data fetch ";
  for (const std::string& name : names) text += (name == names.front() ? "" : "|") + name;
  return text + " [options]";
}

int run(const Options& options) {
  constexpr int64_t kMega = 1'000'000;
  const PublishedSet& set = set_named(options.name);
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  std::optional<DatasetSummary> summary;
  const auto describe = [&](const std::string& folder) {
    summary = describe_dataset(*backend, folder, {.layout = set.layout});
  };
  std::string folder;
  {
    ProgressCounter progress(options.progress, stderr);
    FetchOptions fetch = options.fetch;
    fetch.progress = [&](int64_t done, int64_t bytes) {
      progress.update(done / kMega, bytes / kMega, "MB");
    };
    fetch.check = describe;
    folder = fetch_set(set, fetch);
  }
  if (!summary) describe(folder);  // it was there
  if (options.json) {
    nlohmann::ordered_json record = record_of(*summary);
    record["data"] = folder;
    print_record(std::cout, record);
  } else {
    print_summary(std::cout, folder, *summary);
  }
  return kExitDone;
}

}  // namespace

void add_data_fetch_command(CommandTable& table, CLI::App& group) {
  auto options = std::make_shared<Options>();
  const std::vector<std::string> names = names_of_published_sets();
  CLI::App* app = table.add(
      group, "fetch",
      "download a known set from its publisher (by the program curl), check it against its SHA-256 "
      "and\nunpack it; one that is there already is left as it is. A download that was stopped "
      "goes "
      "on.",
      {.usage = usage(names),
       .examples = {"amcl data fetch cifar10 --to data",
                    "amcl data fetch cifar10 --from cifar-10-binary.tar.gz"},
       .run = [options, names](const GlobalOptions& global) {
         if (options->name.empty())
           fail(ErrorKind::usage, "data fetch: name a set: ", list_text(names));
         options->progress = progress_options(stderr, global.color);
         return run(*options);
       }});
  FetchOptions& fetch = options->fetch;
  add_value(*app, "set", options->name, {.value = "SET", .help = "set to fetch", .allowed = names});
  add_value(*app, "--to", fetch.to,
            {.value = "DIR", .help = "directory that receives the folder of the set"})
      ->group("Files");
  add_value(*app, "--from", fetch.from,
            {.value = "ARCHIVE", .help = "the publisher's .tar.gz, fetched elsewhere; no network"})
      ->group("Files");
  app->add_flag("--any-checksum", fetch.any_checksum,
                "take an ARCHIVE that is not the publisher's own, such as one packed again; what "
                "it holds is checked all the same")
      ->group("Files");
  add_json_flag(*app, options->json);
}

}  // namespace amcl
