// The program. Errors become one line on stderr and an exit code here, and nowhere else.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include "engine/core/check.h"
#include "train/cli/command_line.h"
#include "train/exit_code.h"
#include "train/progress.h"

namespace amcl {
namespace {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kExitUsage;
    case ErrorKind::data:
      return kExitData;
    case ErrorKind::missing:
      return kExitMissing;
    case ErrorKind::io:
      return kExitIo;
    case ErrorKind::device:
    case ErrorKind::numeric:
    case ErrorKind::internal:
      break;
  }
  return kExitFailed;
}

void print_error(const GlobalOptions& global, std::string message, const std::string& where) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  const bool color = use_color(stderr, global.color);
  std::fprintf(stderr, "%samcl:%s %s\n", color ? "\x1b[1;31m" : "", color ? "\x1b[0m" : "",
               message.c_str());
  if (global.verbose && !where.empty()) std::fprintf(stderr, "  check: %s\n", where.c_str());
}

// What was printed must have arrived: a result cut short by a full disk is no result.
void flush_output() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (!std::cout || !flushed) {
    fail(ErrorKind::io, "cannot write to standard output",
         errno == 0 ? "" : concat_text(": ", std::strerror(errno)));
  }
}

int run_guarded(CommandLine& line, int argc, const char* const* argv) {
  try {
    const int code = line.run(argc, argv);
    flush_output();
    return code;
  } catch (const Error& error) {
    print_error(line.global(), error.what(), error.where());
    return exit_code(error.kind());
  } catch (const std::bad_alloc&) {
    print_error(line.global(), "out of memory: try a smaller --batch or --width", {});
    return kExitFailed;
  } catch (const std::exception& error) {
    print_error(line.global(), error.what(), {});
    return kExitFailed;
  }
}

}  // namespace
}  // namespace amcl

int main(int argc, char** argv) {
  // A limit on the size of files shall fail the write, as a full disk does, and not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  amcl::CommandLine line;
  return amcl::run_guarded(line, argc, argv);
}
