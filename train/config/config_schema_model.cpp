// The settings of [model] and [objective].
#include "models/objectives/presets.h"
#include "models/resnet.h"
#include "train/config/config_schema_parts.h"
#include "train/config/method_config.h"

namespace amcl {
namespace {

std::vector<std::string> with_auto(std::vector<std::string> names) {
  names.insert(names.begin(), "auto");
  return names;
}

// The keys that adaptive temperatures have, and no others.
std::vector<Setting> adaptive_settings() {
  const OnlyWith of_pairs{"method", {"simclr", "moco"}};
  const OnlyWith of_barlow{"method", {"barlow"}};
  return {
      {.key = "objective",
       .field = AMCL_FIELD(objective.objective),
       .value = "PRESET",
       .help = "form of the loss with adaptive temperature; it gives the defaults of the rest",
       .allowed = preset_names()},
      {.key = "temperature_low",
       .field = AMCL_FIELD(objective.temperature_low),
       .value = "T",
       .help = "lower bound of adaptive temperatures",
       .range = {.low = 0, .above_low = true}},
      {.key = "temperature_high",
       .field = AMCL_FIELD(objective.temperature_high),
       .value = "T",
       .help = "upper bound of adaptive temperatures",
       .range = {.low = 0, .above_low = true}},
      {.key = "temperature_warmup_epochs",
       .field = AMCL_FIELD(objective.temperature_warmup_epochs),
       .value = "N",
       .unit = "epochs",
       .help = "grow the differences between adaptive temperatures from 0: all start as that of "
               "score 0",
       .range = {.low = 0, .high = 1e9}},
      {.key = "reducer",
       .field = AMCL_FIELD(objective.reducer),
       .value = "NAME",
       .help = "over the negatives: log-sum-exp, mean of the most similar, or the most similar",
       .allowed = {"lse", "topk", "hard"},
       .only_with = of_pairs},
      {.key = "topk",
       .field = AMCL_FIELD(objective.topk),
       .value = "N",
       .help = "negatives that the reducer topk takes",
       .range = {.low = 1},
       .only_with = of_pairs},
      {.key = "with_positive",
       .field = AMCL_FIELD(objective.with_positive),
       .help = "the positive is among the candidates of the reducer",
       .only_with = of_pairs},
      {.key = "omega",
       .field = AMCL_FIELD(objective.omega),
       .value = "WHERE",
       .help = "regularizer on the positive's temperature, or inside the logits as in the paper",
       .allowed = {"anchored", "paired"},
       .only_with = of_pairs},
      {.key = "beta",
       .field = AMCL_FIELD(objective.beta),
       .value = "X",
       .help = "weight of the regularizer Omega = a log(tau) + 1/tau",
       .range = {.low = 0}},
      {.key = "omega_a",
       .field = AMCL_FIELD(objective.omega_a),
       .value = "X",
       .help = "its a, which pulls tau towards 1/a"},
      {.key = "beta_negative",
       .field = AMCL_FIELD(objective.beta_negative),
       .value = "X",
       .help = "weight on the negatives, where paired",
       .range = {.low = 0},
       .only_with = {"method", {"simclr", "moco", "barlow"}}},
      {.key = "omega_a_negative",
       .field = AMCL_FIELD(objective.omega_a_negative),
       .value = "X",
       .help = "a of the negatives, where paired",
       .only_with = {"method", {"simclr", "moco", "barlow"}}},
      {.key = "phi",
       .field = AMCL_FIELD(objective.phi),
       .value = "NAME",
       .help = "how the temperature net scores a pair",
       .allowed = {"dot", "concat"}},
      {.key = "phi_hidden",
       .field = AMCL_FIELD(objective.phi_hidden),
       .value = "N",
       .unit = "units",
       .help = "hidden layer of the temperature net",
       .range = {.low = 1}},
      {.key = "phi_shared",
       .field = AMCL_FIELD(objective.phi_shared),
       .help = "one temperature net for all heads"},
      {.key = "score_scale",
       .field = AMCL_FIELD(objective.score_scale),
       .value = "X",
       .help = "factor of the score dot"},
      {.key = "barlow_fit",
       .field = AMCL_FIELD(objective.barlow_fit),
       .value = "WHERE",
       .help = "barlow: temperature of the diagonal outside of the square (usual), or inside as in "
               "the paper",
       .allowed = {"outside", "inside"},
       .only_with = of_barlow},
      {.key = "barlow_score",
       .field = AMCL_FIELD(objective.barlow_score),
       .value = "WHAT",
       .help =
           "barlow: temperature from the correlation (usual), or from a net over the columns of "
           "the batch as in the paper, which fixes the batch",
       .allowed = {"correlation", "columns"},
       .only_with = of_barlow},
  };
}

Setting temperature_setting() {
  return {.key = "temperature",
          .field = AMCL_FIELD(objective.temperature),
          .value = "adaptive|fixed|T",
          .help =
              "adaptive: AMCL; fixed: the method's usual value; T > 0: this value; usually "
              "adaptive for simclr, fixed for the others",
          .number_too = true};
}

Setting head_decorrelation_setting() {
  return {.key = "head_decorrelation",
          .field = AMCL_FIELD(objective.head_decorrelation),
          .value = "X",
          .help = "weight of a term that keeps the features of the heads uncorrelated; 0: none",
          .range = {.low = 0}};
}

std::vector<Setting> barlow_settings() {
  const OnlyWith of_barlow{"method", {"barlow"}};
  return {
      {.key = "barlow_lambda",
       .field = AMCL_FIELD(objective.barlow_lambda),
       .value = "X",
       .help = "barlow: weight of the off-diagonal; usually 0.005",
       .range = {.low = 0},
       .only_with = of_barlow},
      {.key = "barlow_scale",
       .field = AMCL_FIELD(objective.barlow_scale),
       .value = "X",
       .help = "barlow: factor of the loss; usually 1",
       .range = {.low = 0, .above_low = true},
       .only_with = of_barlow},
      {.key = "barlow_ddof",
       .field = AMCL_FIELD(objective.barlow_ddof),
       .value = "N",
       .help = "barlow: the variance's divisor is the batch less N; usually 0",
       .range = {.low = 0, .high = 1},
       .only_with = of_barlow},
  };
}

}  // namespace

std::vector<Setting> model_settings() {
  const OnlyWith of_moco{"method", {"moco"}};
  return {
      {.key = "method",
       .field = AMCL_FIELD(model.method),
       .value = "NAME",
       .help = "self-supervised method",
       .allowed = method_names()},
      {.key = "backbone",
       .field = AMCL_FIELD(model.backbone),
       .value = "NAME",
       .help = "encoder",
       .allowed = backbone_names()},
      {.key = "width",
       .field = AMCL_FIELD(model.width),
       .value = "N",
       .unit = "channels",
       .help = "of the first stage; 64 is torchvision's",
       .range = {.low = 1}},
      {.key = "stem",
       .field = AMCL_FIELD(model.stem),
       .value = "NAME",
       .help =
           "cifar: 3x3 at full size; imagenet: 7x7 and pooling, stride 4; auto: cifar for views "
           "up to 64 px, imagenet above",
       .allowed = with_auto(stem_names())},
      {.key = "heads",
       .field = AMCL_FIELD(model.heads),
       .value = "C",
       .help = "projection heads; the losses of all are summed; usually 3 with adaptive "
               "temperatures, else 1",
       .range = {.low = 1}},
      {.key = "head_layers",
       .field = AMCL_FIELD(model.head_layers),
       .value = "N",
       .help = "linear layers of a head; usually 2, barlow 3",
       .range = {.low = 1}},
      {.key = "head_hidden",
       .field = AMCL_FIELD(model.head_hidden),
       .value = "H",
       .unit = "units",
       .help = "hidden layers of a head; 0: as wide as the features; usually 0, barlow and simsiam "
               "2048",
       .range = {.low = 0}},
      {.key = "head_dim",
       .field = AMCL_FIELD(model.head_dim),
       .value = "D",
       .unit = "units",
       .help = "output of a head; usually 128, barlow and simsiam 2048",
       .range = {.low = 1}},
      {.key = "head_batch_norm",
       .field = AMCL_FIELD(model.head_batch_norm),
       .value = "WHERE",
       .help =
           "in a head: nowhere; after the hidden layers; after all; after all, without scale and "
           "shift at the end; usually none, barlow hidden, simsiam all",
       .allowed = {"none", "hidden", "all", "all-fixed"}},
      {.key = "bn_views",
       .field = AMCL_FIELD(model.bn_views),
       .value = "HOW",
       .help = "batch-norm statistics of each view by itself, or of both together",
       .allowed = {"separate", "joint"}},
      {.key = "bn_splits",
       .field = AMCL_FIELD(model.bn_splits),
       .value = "N",
       .unit = "parts of a view",
       .help = "batch-norm statistics of each part by itself, as of one device among N; usually 1, "
               "moco 8",
       .range = {.low = 1}},
      {.key = "predictor_hidden",
       .field = AMCL_FIELD(model.predictor_hidden),
       .value = "N",
       .unit = "units",
       .help = "simsiam: hidden layer of the predictor, whose learning rate stays at its peak; "
               "usually 512",
       .range = {.low = 1},
       .only_with = {"method", {"simsiam"}}},
      {.key = "queue",
       .field = AMCL_FIELD(model.queue),
       .value = "K",
       .unit = "keys",
       .help = "moco: negatives kept from past batches, per head; usually 4096",
       .range = {.low = 1},
       .only_with = of_moco},
      {.key = "encoder_momentum",
       .field = AMCL_FIELD(model.encoder_momentum),
       .value = "M",
       .help = "moco: share that the momentum encoder keeps of itself in a step; usually 0.99",
       .range = {.low = 0, .high = 1},
       .only_with = of_moco},
      {.key = "symmetric",
       .field = AMCL_FIELD(model.symmetric),
       .help = "moco: each view queries keys of the other (usual), not only view 1 those of view 2",
       .only_with = of_moco},
      {.key = "shuffle_bn",
       .field = AMCL_FIELD(model.shuffle_bn),
       .help = "moco: keys in shuffled order, so that query and key share no batch-norm statistics "
               "(usual); needs --bn-splits above 1",
       .only_with = of_moco},
  };
}

std::vector<Setting> objective_settings() {
  std::vector<Setting> settings = adaptive_settings();
  for (Setting& setting : settings) setting.adaptive_only = true;
  settings.insert(settings.begin() + 1, temperature_setting());
  settings.push_back(head_decorrelation_setting());
  for (Setting& setting : barlow_settings()) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace amcl
