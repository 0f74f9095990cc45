#include "train/config/known_setting.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "engine/core/check.h"
#include "train/config/setting_value.h"
#include "train/config/value_text.h"

namespace amcl {
namespace {

// A kind of run: all choices are usual but one, or the method with its temperatures.
struct Kind {
  const char* choice;  // key of the one
  std::string name;
  bool adaptive = true;  // temperatures
  bool usual = true;     // of the method
  Choices choices = {};
};

struct Alternatives {
  const char* key;
  std::string Choices::*choice;
  std::vector<std::string> names;
};

// The GPUs differ by their number only.
std::string kind_of_device(const std::string& device) {
  return device.substr(0, device.find(':'));
}

std::vector<Alternatives> alternatives() {
  return {
      {"optimizer", &Choices::optimizer, optimizer_names()},
      {"schedule", &Choices::schedule, {std::begin(kScheduleNames), std::end(kScheduleNames)}},
      {"device", &Choices::device, {"cpu", "cuda"}},
  };
}

std::vector<std::string> methods_of(RunKind kind) {
  std::vector<std::string> names = method_names();
  std::erase_if(names, [&](const std::string& name) {
    return kind != RunKind::any && method_traits(name).labelled != (kind == RunKind::finetune);
  });
  return names;
}

std::vector<Kind> all_kinds(RunKind of) {
  std::vector<Kind> kinds;
  for (const std::string& method : methods_of(of)) {
    const MethodTraits& traits = method_traits(method);
    const auto add = [&](bool adaptive) {
      const char* temperature = adaptive ? "adaptive" : "fixed";
      kinds.push_back({"method",
                       method,
                       adaptive,
                       adaptive == traits.usually_adaptive,
                       {.method = method, .temperature = temperature}});
    };
    add(traits.usually_adaptive);
    if (traits.has_amcl) add(!traits.usually_adaptive);
  }
  for (const auto& [key, choice, names] : alternatives()) {
    for (const std::string& name : names) {
      Kind kind{.choice = key, .name = name};
      kind.choices.*choice = name;
      kind.choices.method = kinds.front().name;
      kinds.push_back(std::move(kind));
    }
  }
  return kinds;
}

// What a setting is in the kinds of runs that have it.
struct Sighting {
  const Kind* kind;
  std::string text;
};
using Sightings = std::vector<Sighting>;

bool of_methods(const Sighting& sighting) {
  return std::string_view(sighting.kind->choice) == "method";
}

// The text of all sightings that fit, if they have the same one.
template <class Fits>
std::optional<std::string> common_text(const Sightings& sightings, const Fits& fits) {
  std::optional<std::string> text;
  for (const Sighting& sighting : sightings) {
    if (!fits(*sighting.kind)) continue;
    if (text && *text != sighting.text) return {};
    text = sighting.text;
  }
  return text;
}

std::string most_frequent(const Sightings& sightings) {
  std::map<std::string, int> counts;
  for (const Sighting& sighting : sightings) ++counts[sighting.text];
  return std::max_element(
             counts.begin(), counts.end(),
             [](const auto& left, const auto& right) { return left.second < right.second; })
      ->first;
}

// "; 1 for barlow" for each value but `usual`.
std::string exceptions_by_method(const Sightings& sightings, const std::string& usual) {
  std::string text;
  for (const std::string& method : method_names()) {
    const auto of_method = [&](const Kind& kind) { return kind.name == method; };
    if (const auto both = common_text(sightings, of_method)) {
      if (*both != usual) text += "; " + *both + " for " + method;
      continue;
    }
    for (const Sighting& one : sightings)
      if (of_method(*one.kind) && one.text != usual)
        text += "; " + one.text + " for " + method +
                (one.kind->adaptive ? " with adaptive temperatures" : " with fixed temperatures");
  }
  return text;
}

// The usual value in words: by the temperatures, the method, and the rest of the choices.
std::string usual_text(const Sightings& sightings) {
  Sightings by_method;
  std::copy_if(sightings.begin(), sightings.end(), std::back_inserter(by_method), of_methods);
  std::string usual = sightings.front().text;
  std::string text = usual;
  if (!by_method.empty()) {
    const auto adaptive = common_text(by_method, [](const Kind& kind) { return kind.adaptive; });
    const auto fixed = common_text(by_method, [](const Kind& kind) { return !kind.adaptive; });
    if (adaptive && fixed && adaptive != fixed) {
      text = *adaptive + " with adaptive temperatures, else " + *fixed;
    } else {
      usual = most_frequent(by_method);
      text = usual + exceptions_by_method(by_method, usual);
    }
  }
  for (const Sighting& one : sightings)
    if (!of_methods(one) && one.text != sightings.front().text)
      text += "; " + one.text + " with " + one.kind->name;
  return text.starts_with("; ") ? text.substr(2) : text;
}

bool varies_by_method(const Sightings& sightings) {
  return !common_text(sightings, [](const Kind& kind) {
            return std::string_view(kind.choice) == "method";
          }).has_value();
}

// A method comes once for each of its temperatures.
void add_once(std::vector<std::string>& names, const std::string& name) {
  if (names.empty() || names.back() != name) names.push_back(name);
}

// What a choice is where it was not made.
Sightings left_open(const Sightings& sightings, const KnownSetting& choice) {
  Sightings open;
  std::copy_if(sightings.begin(), sightings.end(), std::back_inserter(open),
               [&](const Sighting& one) {
                 return one.kind->usual && std::string_view(one.kind->choice) != choice.setting.key;
               });
  return open;
}

std::vector<KnownSetting> find_all(RunKind of) {
  std::vector<KnownSetting> all;
  const std::vector<Kind> kinds = all_kinds(of);
  std::map<std::string, Sightings> seen;
  for (const Kind& kind : kinds) {
    for (const SettingValue& value : values_of(usual_config(kind.choices))) {
      Sightings& sightings = seen[value.setting.key];
      if (sightings.empty())
        all.push_back({.setting = value.setting,
                       .allowed = value.allowed,
                       .is_text = value.is_text,
                       .is_choice = value.is_decided,
                       .by_data = !value.has_value() || value.text == kAutoStem,
                       .example = kind.choices});
      sightings.push_back({&kind, value.text});
    }
  }
  for (KnownSetting& setting : all) {
    const Sightings& sightings = seen[setting.setting.key];
    setting.usual = usual_text(setting.is_choice ? left_open(sightings, setting) : sightings);
    setting.adaptive_only = std::all_of(sightings.begin(), sightings.end(),
                                        [](const Sighting& one) { return one.kind->adaptive; });
    setting.by_method = varies_by_method(sightings);
    for (const Sighting& one : sightings)
      add_once(setting.effective[one.kind->choice], one.kind->name);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) {
    return table_index(left.setting) < table_index(right.setting);
  });
  return all;
}

// Each list is made when it is first asked for.
template <RunKind kind>
const std::vector<KnownSetting>& list_of() {
  static const std::vector<KnownSetting> settings = find_all(kind);
  return settings;
}

}  // namespace

const std::vector<KnownSetting>& known_settings(RunKind kind) {
  if (kind == RunKind::pretrain) return list_of<RunKind::pretrain>();
  return kind == RunKind::finetune ? list_of<RunKind::finetune>() : list_of<RunKind::any>();
}

const KnownSetting* find_setting(const std::string& name, RunKind kind) {
  for (const KnownSetting& known : known_settings(kind)) {
    const Setting& setting = known.setting;
    if (name == setting.key || name == concat_text(setting.table, '.', setting.key)) return &known;
  }
  return nullptr;
}

DecidingChoice deciding_choice(const KnownSetting& setting, const Choices& choices) {
  const std::pair<const char*, std::string> chosen[] = {
      {"method", choices.method},
      {"optimizer", choices.optimizer},
      {"schedule", choices.schedule},
      {"device", kind_of_device(choices.device)},
  };
  for (const auto& [key, name] : chosen) {
    const auto found = setting.effective.find(key);
    if (found == setting.effective.end() || is_choice(found->second, name)) continue;
    return {key, name, list_text(found->second)};
  }
  const bool usual = choices.temperature.empty();
  return {"temperature", usual ? "fixed" : choices.temperature, "adaptive"};
}

}  // namespace amcl
