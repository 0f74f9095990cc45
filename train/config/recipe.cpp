#include "train/config/recipe.h"

#include <vector>

#include "engine/core/check.h"
#include "train/config/nearest_name.h"

namespace amcl {

std::string_view Recipe::title() const {
  const size_t begin = text.find_first_not_of("# ");
  return text.substr(begin, text.find('\n') - begin);
}

const Recipe& find_recipe(const std::string& name, const std::string& place) {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) {
    if (recipe.name == name) return recipe;
    names.emplace_back(recipe.name);
  }
  fail(ErrorKind::usage, place, ' ', name, ": there is no such recipe; the nearest is ",
       nearest_name(name, names), " (amcl config list)");
}

}  // namespace amcl
