#include "train/version.h"

#include "engine/backend/open.h"

namespace amcl {

std::string program_version() {
  return AMCL_VERSION;
}

std::string program_commit() {
  return AMCL_COMMIT;
}

std::string version_text() {
  std::string text = "amcl " + program_version() + " (commit " + program_commit() + ")";
  for (const BackendDescription& backend : describe_backends())
    text += '\n' + backend.name + ": " + backend.description;
  return text;
}

}  // namespace amcl
