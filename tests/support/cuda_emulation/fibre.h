// A fibre: a function on a stack of its own that can stop in its middle and go on later. The
// threads of an emulated CUDA block are fibres of one thread of the host.
#pragma once
#include <cstddef>
#include <memory>

namespace amcl::emulation {

// Resumed by its owner and suspended by itself, on one host thread. What is on the stack of a fibre
// that never finishes is not destroyed.
class Fibre {
 public:
  using Entry = void (*)(void* argument);

  Fibre();
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  // Prepares entry(argument), which must not throw, for the next resume; reuses the stack.
  void start(Entry entry, void* argument);
  // Runs the fibre until it suspends itself or ends.
  void resume();
  // Goes back to who resumed this fibre; for the fibre that runs.
  void suspend();
  bool finished() const { return finished_; }

 private:
  struct Context;
  static void run(Fibre* fibre);

  std::unique_ptr<Context> context_;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  bool finished_ = true;
};

}  // namespace amcl::emulation
