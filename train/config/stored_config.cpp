#include "train/config/stored_config.h"

#include "train/config/config_check.h"
#include "train/config/method_config.h"

namespace amcl {

Config stored_config(const std::string& text, const std::string& path) {
  const Config config = as_stored(path, [&] { return config_from_toml(text, path); });
  if (const auto complaint = first_complaint(config))
    fail(ErrorKind::data, path, ": ", complaint->setting->config_name(), " is ", complaint->value,
         ": ", complaint->what);
  return with_method(config);
}

}  // namespace amcl
