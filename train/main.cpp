// The program. Errors become one line on stderr and an exit code here, and nowhere else.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <mutex>
#include <new>

#include "engine/core/check.h"
#include "train/commands/command_line.h"
#include "train/exit_code.h"
#include "train/printable.h"
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

void print_error(const GlobalOptions& global, const std::string& message,
                 const std::string& where) {
  const bool color = use_color(stderr, global.color);
  std::fprintf(stderr, "%samcl:%s %s\n", color ? "\x1b[1;31m" : "", color ? "\x1b[0m" : "",
               printable(message).c_str());
  if (global.verbose && !where.empty()) std::fprintf(stderr, "  check: %s\n", where.c_str());
}

// What was printed must have arrived: a result cut short by a full disk is no result.
void flush_output() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!std::cout || !flushed) {
    fail(ErrorKind::io, "cannot write to standard output",
         errno == 0 ? "" : concat_text(": ", std::strerror(errno)));
  }
}

int run_guarded(CommandLine& line, int argc, const char* const* argv) {
  int code = kExitDone;
  try {
    code = line.run(argc, argv);
    flush_output();
    return code;
  } catch (const Error& error) {
    print_error(line.global(), error.what(), error.where());
    // That a run was saved holds whether or not its last line was read: whoever starts it again
    // goes by the code.
    return code == kExitStopped ? code : exit_code(error.kind());
  } catch (const std::bad_alloc&) {
    print_error(line.global(), "out of memory: try a smaller --batch or --width", {});
    return kExitFailed;
  } catch (const std::exception& error) {
    print_error(line.global(), error.what(), {});
    return kExitFailed;
  }
}

// A standard stream that was closed (2>&-) would leave its number to the next file that is opened,
// and messages would be written into that. In its place stands, as in libc for setuid programs, one
// whose every use fails.
void occupy_closed_streams() {
  for (const int stream : {0, 1, 2})
    if (fcntl(stream, F_GETFD) < 0) open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY);
}

constexpr const char* kOutOfMemory = "amcl: out of memory: try a smaller --batch or --width\n";

// Some destructors of libraries allocate (that of nlohmann::json): what they throw can only end the
// process, but not as a crash.
[[noreturn]] void end_without_memory() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    std::fputs(kOutOfMemory, stderr);
    _exit(kExitFailed);
  } catch (...) {
  }
  std::abort();
}

// libc loads what it needs to let an exception through a function of its own when the first one
// comes, and aborts where that fails. So one comes while there is memory: oneDNN's pass
// pthread_once.
void prepare_unwinding() {
  try {
    std::once_flag once;
    std::call_once(once, [] { throw 0; });
  } catch (int) {
  }
}

}  // namespace
}  // namespace amcl

int main(int argc, char** argv) {
  amcl::occupy_closed_streams();
  // A limit on the size of files shall fail the write, as a full disk does, and not end the
  // process.
  std::signal(SIGXFSZ, SIG_IGN);
  // Likewise whoever reads what is printed may go away: progress is then lost, and a result an
  // error.
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(amcl::end_without_memory);
  amcl::prepare_unwinding();
  try {
    amcl::CommandLine line;
    return amcl::run_guarded(line, argc, argv);
  } catch (const std::bad_alloc&) {
    // Too little even for the command line, or to say so with a colour.
    std::fputs(amcl::kOutOfMemory, stderr);
    return amcl::kExitFailed;
  }
}
