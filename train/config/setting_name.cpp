#include "train/config/setting_name.h"

#include <algorithm>
#include <cctype>

#include "engine/core/check.h"

namespace amcl {

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string config_name_of(const Setting& setting) {
  return concat_text('[', setting.table, "] ", setting.key);
}

std::string environment_name_of(const Setting& setting) {
  std::string name = concat_text("AMCL_", setting.table, '_', setting.key);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char character) {
    return static_cast<char>(std::toupper(character));
  });
  return name;
}

}  // namespace amcl
