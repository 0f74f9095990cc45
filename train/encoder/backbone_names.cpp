#include "train/encoder/backbone_names.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace amcl {
namespace {

// Of torch.nn.Sequential(*children of torchvision's ResNet), by number; relu and pool have no tensors.
struct NumberedModule {
  std::string_view number;
  std::string_view name;
};
constexpr NumberedModule kNumbered[] = {
    {"0.", "conv1."},  {"1.", "bn1."},    {"4.", "layer1."},
    {"5.", "layer2."}, {"6.", "layer3."}, {"7.", "layer4."},
};
constexpr std::string_view kModules[] = {"conv1.",  "bn1.",    "layer1.",
                                         "layer2.", "layer3.", "layer4."};

// Of encoders that follow another one.
constexpr std::string_view kFollowers[] = {"momentum", "encoder_k", "target", "teacher", "ema"};

bool is_follower(const std::string& prefix) {
  return std::any_of(std::begin(kFollowers), std::end(kFollowers), [&](std::string_view follower) {
    return prefix.find(follower) != std::string::npos;
  });
}

// The better one of two networks in a file.
bool better(const BackboneNaming& left, const BackboneNaming& right) {
  const bool follows = is_follower(left.prefix);
  if (follows != is_follower(right.prefix)) return !follows;
  if (left.prefix.size() != right.prefix.size()) return left.prefix.size() < right.prefix.size();
  return left.prefix < right.prefix;
}

}  // namespace

std::string BackboneNaming::torchvision_name(const std::string& name) const {
  if (!name.starts_with(prefix)) return {};
  const std::string rest = name.substr(prefix.size());
  if (numbered) {
    for (const auto& [number, module_name] : kNumbered)
      if (rest.starts_with(number)) return std::string(module_name) + rest.substr(number.size());
    return {};
  }
  const bool known = std::any_of(std::begin(kModules), std::end(kModules),
                                 [&](std::string_view module) { return rest.starts_with(module); });
  return known ? rest : std::string();
}

std::optional<BackboneNaming> find_backbone(const std::vector<std::string>& names) {
  std::optional<BackboneNaming> best;
  for (const bool numbered : {false, true}) {
    const std::string first_block = numbered ? "4.0.conv1.weight" : "layer1.0.conv1.weight";
    const std::string first = numbered ? "0.weight" : "conv1.weight";
    for (const std::string& name : names) {
      if (!name.ends_with(first_block)) continue;
      const BackboneNaming found{name.substr(0, name.size() - first_block.size()), numbered};
      const bool begins = found.prefix.empty() || found.prefix.ends_with('.');
      const bool whole = std::find(names.begin(), names.end(), found.prefix + first) != names.end();
      if (begins && whole && (!best || better(found, *best))) best = found;
    }
  }
  return best;
}

}  // namespace amcl
