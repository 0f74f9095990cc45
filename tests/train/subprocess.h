// Runs a program and gives back what it printed.
#pragma once
#include <string>
#include <vector>

namespace amcl::test {

struct ProcessResult {
  int code = 0;  // exit code; 128 + the signal's number if a signal ended it
  std::string out;
  std::string err;
};

// Runs `arguments[0]` with empty standard input in `directory`. The environment is this process's
// without its AMCL_ variables and NO_COLOR, plus the entries "NAME=text" of `environment`.
ProcessResult run_process(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& environment = {},
                          const std::string& directory = ".");

// A directory that is removed with all its content at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Writes a file in it; returns the file's path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

}  // namespace amcl::test
