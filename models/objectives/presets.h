// The objectives by name (spec S11) and what a run's two settings, `objective` and `temperature`,
// come to.
#pragma once
#include <string>
#include <vector>

#include "models/objectives/amcl_options.h"
#include "models/temperature_net.h"

namespace amcl {

// The objective of a method, ready to be built: with one temperature for all pairs or none, or in
// the form of AMCL with a temperature net.
struct ObjectiveOptions {
  std::string name = "ntxent";                 // ntxent, or the preset's name
  bool adaptive = false;                       // whether there is a temperature net
  double temperature = 0.5;                    // not adaptive: tau of NT-Xent and InfoNCE
  AmclOptions amcl = {};                       // adaptive only
  TemperatureNetOptions temperature_net = {};  // adaptive only
  double head_decorrelation = 0.0;             // weight of that term; 0: without it
};

// amcl, amcl-topk, amcl-table2.
const std::vector<std::string>& preset_names();

// Throws Error(usage) with the list of names for another name.
ObjectiveOptions preset(const std::string& name);

// The form `amcl` of SimSiam and of Barlow Twins, which have no others.
ObjectiveOptions simsiam_preset();
ObjectiveOptions barlow_preset();

// temperature "adaptive": the preset `objective`; "fixed": NT-Xent at `usual_temperature`; a number
// > 0: NT-Xent at it. Throws Error(usage) naming the setting, its value and what it may be.
ObjectiveOptions resolve_objective(const std::string& objective, const std::string& temperature,
                                   double usual_temperature = 0.5);

}  // namespace amcl
