#include "data/fetch/download.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>

#include "engine/core/check.h"

namespace amcl {
namespace {

constexpr int kNoProgram = 127;  // as shells say it

// The reading end of what a child writes.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      fail(ErrorKind::io, "cannot run curl: ", std::generic_category().message(errno));
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  int writing_end() const { return ends_[1]; }
  // Appends what is there.
  void drain(std::string& text) const {
    std::array<char, 512> part;
    for (ssize_t count = 0; (count = ::read(ends_[0], part.data(), part.size())) > 0;)
      text.append(part.data(), static_cast<size_t>(count));
  }

 private:
  std::array<int, 2> ends_{};
};

[[noreturn]] void become_curl(const std::string& url, const std::string& file, int errors) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // two of them must not write one file
  ::dup2(errors, STDERR_FILENO);
  ::execlp("curl", "curl", "--silent", "--show-error", "--fail", "--location", "--retry", "3",
           "--connect-timeout", "20", "--continue-at", "-", "--output", file.c_str(), "--url",
           url.c_str(), nullptr);
  ::_exit(kNoProgram);
}

int64_t size_of(const std::string& file) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(file, missing);
  return missing ? 0 : static_cast<int64_t>(size);
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

void download(const std::string& url, const std::string& file,
              const std::function<void(int64_t bytes)>& progress) {
  const Pipe errors;
  const pid_t child = ::fork();
  if (child < 0) fail(ErrorKind::io, "cannot run curl: ", std::generic_category().message(errno));
  if (child == 0) become_curl(url, file, errors.writing_end());
  std::string text;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    errors.drain(text);
    progress(size_of(file));
  }
  errors.drain(text);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoProgram && text.empty())
    fail(ErrorKind::io, "cannot download ", url, ": the program curl is not installed");
  fail(ErrorKind::io, "cannot download ", url, ": ", last_line(text));
}

}  // namespace amcl
