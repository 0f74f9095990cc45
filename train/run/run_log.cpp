#include "train/run/run_log.h"

#include <span>
#include <string_view>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr const char* kStep = "step";

LogRecord record_in(std::string_view line, const std::string& path, int64_t number) {
  LogRecord record = LogRecord::parse(line, nullptr, false);
  if (!record.is_object() || !record.contains(kStep) || !record[kStep].is_number_integer())
    fail(ErrorKind::data, path, ':', number,
         ": not a JSON object with an integer 'step'; remove the line to go on");
  return record;
}

// Bytes of the lines up to `finished_steps`; those of that very step are added to `last`. Steps
// only grow, so the first later one ends them; a line without its end is one that a kill has cut.
int64_t size_of_finished(std::string_view text, int64_t finished_steps, const std::string& path,
                         std::vector<LogRecord>& last,
                         const std::function<void(const LogRecord&)>& kept) {
  size_t begin = 0;
  for (int64_t number = 1;; ++number) {
    const size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) break;
    LogRecord record = record_in(text.substr(begin, end - begin), path, number);
    const auto step = record[kStep].get<int64_t>();
    if (step > finished_steps) break;
    kept(record);
    if (step == finished_steps) last.push_back(std::move(record));
    begin = end + 1;
  }
  return static_cast<int64_t>(begin);
}

}  // namespace

RunLog::RunLog(const std::string& path, int64_t finished_steps,
               const std::function<void(const LogRecord&)>& kept)
    : file_(File::open_for_writing(path)) {
  constexpr int64_t kMostBytes = int64_t{1} << 30;
  if (finished_steps > 0) {
    if (file_->size() > kMostBytes)
      fail(ErrorKind::data, path, ": is ", file_->size(), " bytes long, too long for a log (",
           kMostBytes, " at most); move it away to go on without");
    std::string text(static_cast<size_t>(file_->size()), '\0');
    file_->read(std::as_writable_bytes(std::span(text)));
    size_ = size_of_finished(text, finished_steps, path, kept_, kept);
  }
  file_->truncate(size_);
}

void RunLog::restore() {
  if (file_->still_in_place()) return;
  std::string text(static_cast<size_t>(size_), '\0');
  file_->read_at(0, std::as_writable_bytes(std::span(text)));
  File file = File::open_for_writing(file_->path());
  file.truncate(0);
  file.write(std::as_bytes(std::span(text)));
  file_.emplace(std::move(file));
}

void RunLog::write(const LogRecord& record) {
  AMCL_CHECK(record.contains(kStep) && record[kStep].is_number_integer(),
             "run log: a record needs an integer 'step'");
  constexpr int kCompact = -1;
  const std::string line =
      record.dump(kCompact, ' ', false, LogRecord::error_handler_t::replace) + '\n';
  try {
    file_->write(std::as_bytes(std::span(line)));
  } catch (const Error&) {
    file_->truncate(size_);
    throw;
  }
  size_ += static_cast<int64_t>(line.size());
}

}  // namespace amcl
