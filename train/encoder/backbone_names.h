// The names under which a ResNet's tensors stand in files of other programs, and torchvision's names for
// them.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace amcl {

struct BackboneNaming {
  std::string prefix;  // before the names of the backbone: "backbone.", "module.encoder_q."
  bool numbered =
      false;  // torch.nn.Sequential(conv1, bn1, relu, maxpool, layer1, ...), as in lightly

  // "backbone.4.0.conv1.weight" -> "layer1.0.conv1.weight"; empty for a tensor of something else.
  std::string torchvision_name(const std::string& name) const;
};

// By the first convolution and the first block. Of several networks in a file the one that is trained by
// gradients counts, not a momentum encoder, target or teacher. Empty if there is none.
std::optional<BackboneNaming> find_backbone(const std::vector<std::string>& names);

}  // namespace amcl
