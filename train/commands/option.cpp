#include "train/commands/option.h"

#include <sstream>

#include "engine/core/check.h"

namespace amcl {

std::string describe(const OptionHelp& help, const std::string& default_text) {
  std::vector<std::string> notes;
  if (!help.unit.empty()) notes.push_back(help.unit);
  if (!help.allowed.empty()) notes.push_back(list_text(help.allowed));
  if (const std::string range = range_text(help.range); !range.empty()) notes.push_back(range);
  if (!default_text.empty()) notes.push_back("default " + default_text);
  std::string text = help.help;
  for (size_t i = 0; i < notes.size(); ++i) text += (i == 0 ? " [" : "; ") + notes[i];
  return notes.empty() ? text : text + ']';
}

void fail_option(const std::string& name, const std::string& text, const std::string& complaint) {
  fail(ErrorKind::usage, name, " is '", text, "': ", complaint);
}

CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                      const OptionHelp& help) {
  const auto parse = [&target, name, help](const std::string& text) {
    target.clear();
    std::istringstream names(text);
    for (std::string one; std::getline(names, one, ',');) {
      const std::string complaint = choice_complaint(help.allowed, one);
      if (!complaint.empty()) fail_option(name, one, complaint);
      target.push_back(one);
    }
    if (target.empty())
      fail_option(name, text, "must be one or more of " + list_text(help.allowed));
  };
  return app.add_option_function<std::string>(name, parse, describe(help, list_text(target)))
      ->type_name(help.value)
      ->take_last();
}

OptionHelp help_of(const KnownSetting& known) {
  const Setting& setting = known.setting;
  return {setting.value, setting.unit, setting.help, known.allowed, setting.range};
}

void add_device_options(CLI::App& app, std::string& device, int64_t& threads) {
  add_value(app, "--device", device, help_of(*find_setting("device")))->group("Machine");
  add_value(app, "--threads", threads, help_of(*find_setting("threads")))->group("Machine");
}

}  // namespace amcl
