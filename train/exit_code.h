// The exit codes of the program (sysexits.h where it has one).
#pragma once

namespace amcl {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,    // while running
  kExitUsage = 2,     // a flag, key or value
  kExitData = 65,     // content of a file
  kExitMissing = 66,  // an input that is not there
  kExitIo = 74,       // reading or writing, full disk
  kExitStopped = 75,  // on request, with a checkpoint
};

}  // namespace amcl
