#include "train/commands/data_info.h"

#include <iostream>

#include "engine/backend/open.h"
#include "train/commands/data_report.h"
#include "train/exit_code.h"

namespace amcl {

int run_data_info(const DataInfoOptions& options) {
  const std::unique_ptr<Backend> backend = open_backend("cpu");
  const DatasetSummary summary =
      describe_dataset(*backend, options.source, {.layout = options.layout});
  if (options.json)
    print_record(std::cout, record_of(summary));
  else
    print_summary(std::cout, options.source, summary);
  return kExitDone;
}

}  // namespace amcl
