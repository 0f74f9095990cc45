// Settings out of a file that a program wrote, a checkpoint or the configuration of a run: what is
// wrong in them is damage and not a mistake of the command line.
#pragma once
#include <string>
#include <utility>

#include "engine/core/check.h"
#include "train/config/config.h"

namespace amcl {

// Runs `work`, which does what the settings in the file at `path` ask for. An Error(usage) in it is
// thrown on as Error(data) that names the path.
template <class Work>
auto as_stored(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    const std::string message = error.what();
    fail(ErrorKind::data, message.starts_with(path) ? message : path + ": " + message);
  }
}

// The configuration that the file at `path` holds as `text`. Throws Error(data).
Config stored_config(const std::string& text, const std::string& path);

}  // namespace amcl
