// What --device takes: a backend by its name, and of GPUs which one.
#pragma once
#include <string>
#include <vector>

namespace amcl {

struct DeviceName {
  std::string backend;  // "cpu", "plain", "cuda"
  int number = 0;       // of cuda: the GPU, counted as CUDA does
};

// "cpu", "plain", "cuda" (which is "cuda:0"), "cuda:1". Throws Error(usage) with what there is for
// another text.
DeviceName parse_device_name(const std::string& text);

// "cpu", "cuda", "cuda:N", "plain": what a name may be, N a whole number.
std::vector<std::string> device_name_forms();

}  // namespace amcl
