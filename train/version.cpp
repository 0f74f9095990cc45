#include "train/version.h"

namespace amcl {

std::string program_version() {
  return AMCL_VERSION;
}

std::string program_commit() {
  return AMCL_COMMIT;
}

}  // namespace amcl
