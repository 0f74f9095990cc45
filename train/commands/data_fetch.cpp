#include "train/commands/data_fetch.h"

#include <algorithm>
#include <iostream>
#include <optional>

#include "engine/backend/open.h"
#include "engine/core/check.h"
#include "train/commands/data_report.h"
#include "train/count_progress.h"
#include "train/exit_code.h"

namespace amcl {
namespace {

const PublishedSet& set_named(const std::string& name) {
  const std::vector<PublishedSet>& sets = published_sets();
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [&](const PublishedSet& set) { return set.name == name; });
  AMCL_CHECK(found != sets.end(), "data fetch: '", name, "' is not known");
  return *found;
}

}  // namespace

int run_data_fetch(const DataFetchOptions& options) {
  constexpr int64_t kMega = 1'000'000;
  const PublishedSet& set = set_named(options.name);
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  std::optional<DatasetSummary> summary;
  const auto describe = [&](const std::string& folder) {
    summary = describe_dataset(*backend, folder, {.layout = set.layout});
  };
  std::string folder;
  {
    CountProgress progress(options.progress, stderr);
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

}  // namespace amcl
