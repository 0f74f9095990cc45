#include "train/config/synonym.h"

#include <algorithm>
#include <iterator>

#include "train/config/setting_name.h"

namespace amcl {
namespace {

constexpr Synonym kSynonyms[] = {
    {"dataset", "data"},
    {"data_dir", "data"},
    {"data_path", "data"},
    {"img_size", "size"},
    {"image_size", "size"},
    {"input_size", "size"},
    {"resolution", "size"},
    {"arch", "backbone"},
    {"model", "backbone"},
    {"encoder", "backbone"},
    {"num_heads", "heads"},
    {"proj_dim", "head_dim"},
    {"out_dim", "head_dim"},
    {"moco_k", "queue"},
    {"queue_size", "queue"},
    {"moco_m", "encoder_momentum"},
    {"ema", "encoder_momentum"},
    {"tau", "temperature"},
    {"loss", "objective"},
    {"optim", "optimizer"},
    {"learning_rate", "lr"},
    {"wd", "weight_decay"},
    {"scheduler", "schedule"},
    {"lr_scheduler", "schedule"},
    {"warmup", "warmup_epochs"},
    {"clip_grad", "clip_norm"},
    {"grad_clip", "clip_norm"},
    {"max_epochs", "epochs"},
    {"num_epochs", "epochs"},
    {"bs", "batch"},
    {"batch_size", "batch"},
    {"random_seed", "seed"},
    {"gpu", "device", "cuda"},
    {"gpus", "device", "cuda"},
    {"cuda", "device", "cuda"},
    {"amp", "precision", "bf16"},
    {"fp16", "precision", "bf16"},
    {"bf16", "precision", "bf16"},
    {"num_threads", "threads"},
    {"num_workers", "workers"},
    {"weights", "init"},
    {"pretrained", "init"},
    {"output", "out"},
    {"output_dir", "out"},
    {"save_dir", "out"},
    {"save_every", "checkpoint_every"},
};

}  // namespace

std::span<const Synonym> synonyms() {
  return kSynonyms;
}

const Synonym* find_synonym(const std::string& name) {
  std::string key = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  std::replace(key.begin(), key.end(), '-', '_');
  const auto* found = std::find_if(std::begin(kSynonyms), std::end(kSynonyms),
                                   [&](const Synonym& one) { return key == one.name; });
  return found == std::end(kSynonyms) ? nullptr : found;
}

std::string flag_of(const Synonym& synonym) {
  const std::string flag = flag_of(std::string(synonym.key));
  return *synonym.value == '\0' ? flag : flag + ' ' + synonym.value;
}

}  // namespace amcl
