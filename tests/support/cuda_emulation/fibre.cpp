// Switching is by hand on x86-64, because swapcontext asks the kernel for the signal mask at every
// switch (a block of 256 threads with ten barriers makes 5,000 of them); elsewhere by ucontext. The
// address sanitizer is told which stack is in use.
#include "tests/support/cuda_emulation/fibre.h"

#include <cstdint>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define AMCL_FIBRE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AMCL_FIBRE_ASAN 1
#endif
#endif
#ifdef AMCL_FIBRE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
// Saves the registers that a call preserves on the stack in use, its pointer in *saved, and goes on
// with those of the other stack.
extern "C" void amcl_fibre_switch(void** saved, void* other);
asm(R"(
.text
.p2align 4
.globl amcl_fibre_switch
.hidden amcl_fibre_switch
.type amcl_fibre_switch, @function
amcl_fibre_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size amcl_fibre_switch, .-amcl_fibre_switch
)");
#endif

namespace amcl::emulation {
namespace {

constexpr size_t kStackBytes = size_t{128} << 10;  // the sanitizers' frames are large

// The fibre that is entered for the first time.
thread_local Fibre* entered = nullptr;

}  // namespace

struct Fibre::Context {
  alignas(16) std::byte stack[kStackBytes];
#if defined(__x86_64__)
  void* inside = nullptr;   // stack pointer of the suspended fibre
  void* outside = nullptr;  // and of who resumed it
#else
  ucontext_t inside;
  ucontext_t outside;
#endif
  void* fake_stack = nullptr;  // of the address sanitizer
  void* outside_fake_stack = nullptr;
  const void* outside_stack = nullptr;
  size_t outside_bytes = 0;

  void enter() {
#ifdef AMCL_FIBRE_ASAN
    __sanitizer_start_switch_fiber(&outside_fake_stack, stack, kStackBytes);
#endif
#if defined(__x86_64__)
    amcl_fibre_switch(&outside, inside);
#else
    swapcontext(&outside, &inside);
#endif
#ifdef AMCL_FIBRE_ASAN
    __sanitizer_finish_switch_fiber(outside_fake_stack, nullptr, nullptr);
#endif
  }
  void arrived() {
#ifdef AMCL_FIBRE_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &outside_stack, &outside_bytes);
#endif
  }
  void leave([[maybe_unused]] bool for_good) {
#ifdef AMCL_FIBRE_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack, outside_stack, outside_bytes);
#endif
#if defined(__x86_64__)
    amcl_fibre_switch(&inside, outside);
#else
    swapcontext(&inside, &outside);
#endif
  }
};

Fibre::Fibre() : context_(new Context) {}
Fibre::~Fibre() = default;

void Fibre::run(Fibre* fibre) {
  fibre->context_->arrived();
  fibre->entry_(fibre->argument_);
  fibre->finished_ = true;
  fibre->context_->leave(true);
}

void Fibre::start(Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
  finished_ = false;
  context_->fake_stack = nullptr;
  void (*const first)() = [] { run(entered); };
#if defined(__x86_64__)
  // What amcl_fibre_switch pops: six registers and the address it returns to, which then finds the
  // stack as after a call.
  auto* top = reinterpret_cast<void**>(context_->stack + kStackBytes);
  top[-1] = nullptr;
  top[-2] = reinterpret_cast<void*>(first);
  for (int slot = -8; slot < -2; ++slot) top[slot] = nullptr;
  context_->inside = top - 8;
#else
  getcontext(&context_->inside);
  context_->inside.uc_stack.ss_sp = context_->stack;
  context_->inside.uc_stack.ss_size = kStackBytes;
  context_->inside.uc_link = nullptr;
  makecontext(&context_->inside, first, 0);
#endif
}

void Fibre::resume() {
  entered = this;
  context_->enter();
}

void Fibre::suspend() {
  context_->leave(false);
  context_->arrived();
}

}  // namespace amcl::emulation
