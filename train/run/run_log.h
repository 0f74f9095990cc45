// metrics.jsonl and heads.jsonl: one JSON object per line, each with the number of finished steps under "step".
// Every line is given to the system as it is written, so that a killed run loses none.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/file.h"

namespace amcl {

// Keys keep the order in which they are added.
using LogRecord = nlohmann::ordered_json;

class RunLog {
 public:
  // Opens `path` for appending. Lines of steps after `finished_steps` are cut off, and a line that
  // a kill left unfinished: a resumed run (with the step of its checkpoint) writes them again, so
  // that in the end the file reads like that of an uninterrupted one. 0 starts an empty file.
  // For that, the lines of a step are to be written before its checkpoint, or later where
  // kept_of_last_step shows that they are missing. `kept` is called with each line that stays.
  // Errors: io, and data if a line is no JSON object with a step.
  RunLog(
      const std::string& path, int64_t finished_steps,
      const std::function<void(const LogRecord&)>& kept = [](const LogRecord&) {});

  // Writes the file again where it was removed: with all lines, also those of before.
  void restore();

  // Appends a line; record["step"] must be an integer. Throws Error(io) and leaves no part of the
  // line behind if the disk is full. Numbers that are not finite become null.
  void write(const LogRecord& record);

  // The lines of the step `finished_steps` that opening left.
  const std::vector<LogRecord>& kept_of_last_step() const { return kept_; }

 private:
  std::optional<File> file_;  // always there, and another one after restore()
  int64_t size_ = 0;          // bytes of whole lines
  std::vector<LogRecord> kept_;
};

}  // namespace amcl
