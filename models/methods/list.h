// The methods: the one place that knows them all.
#pragma once
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "models/methods/barlow_twins.h"
#include "models/methods/byol.h"
#include "models/methods/classifier.h"
#include "models/methods/lejepa.h"
#include "models/methods/moco.h"
#include "models/methods/sim_siam.h"
#include "models/methods/simclr.h"

namespace amcl {

using MethodOptions = std::variant<SimClrOptions, MocoOptions, BarlowTwinsOptions, SimSiamOptions,
                                   ByolOptions, LejepaOptions, ClassifierOptions>;

// "simclr", "moco", ... in this order.
std::vector<std::string> method_names();
// Those that learn without labels: the values of --method.
std::vector<std::string> self_supervised_names();
// Error(usage) for a name that is none of them.
const MethodTraits& method_traits(const std::string& name);
const MethodTraits& traits_of(const MethodOptions& options);

// With the usual values of that form of the method.
MethodOptions usual_method(const std::string& name, const TemperatureChoice& choice);

// What the options of all methods have, copied.
struct CommonOptions {
  ResNetOptions backbone;
  ProjectionHeadOptions projector;
  ObjectiveOptions objective;
  BatchNormOptions batch_norm;
};
CommonOptions common(const MethodOptions& options);

void visit_settings(MethodOptions& options, const SettingVisitor& visitor);
// Names and shapes of the weights that outweigh the others of their modules, for batches of `batch`
// pairs.
void visit_shapes(MethodOptions options, int64_t batch, const ShapeVisitor& visitor);

// What is odd about the options although it can be; empty if nothing.
std::string warning_of(const MethodOptions& options);

// How a training forward runs.
ForwardContext training_context(const MethodOptions& options);

// Freshly initialised from the seed, for batches of `batch` pairs. Error(usage) naming key, value and
// remedy.
std::unique_ptr<Method> make_method(MethodOptions options, Backend& backend, uint64_t seed,
                                    int64_t batch);

}  // namespace amcl
