#include "train/config/stored_config.h"

#include "train/config/config_resolve.h"

namespace amcl {

Config stored_config(const std::string& text, const std::string& path) {
  return as_stored(path, [&] { return config_from_toml(text, path); });
}

}  // namespace amcl
