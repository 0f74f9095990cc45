// Uploads on the copy stream: its copies run beside the kernels of the compute stream, and events
// keep the two in order where they touch the same memory.
#pragma once
#include <cuda_runtime_api.h>

#include "engine/backend/cuda/cuda_device.h"
#include "engine/core/upload.h"

namespace amcl::cuda {

class CudaEvent {
 public:
  CudaEvent();
  ~CudaEvent();
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  // The work given to the stream so far.
  void record(const CudaStream& stream);
  // Work given to the stream from here on comes after that of the last record().
  void hold_back(const CudaStream& stream) const;
  bool passed() const;
  void wait() const;

 private:
  cudaEvent_t event_ = nullptr;
};

// Page-locked while it lives: the copy engine reads such memory by itself, at the full rate of PCIe. Where
// the system does not allow it (some containers) it stays as it is, and the runtime copies through
// memory of its own, which is slower.
class PinnedMemory {
 public:
  PinnedMemory(void* block, size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

 private:
  void* block_;
};

class CudaUpload final : public Upload {
 public:
  // Both streams must outlive it.
  CudaUpload(const CudaStream& compute, const CudaStream& copies);
  ~CudaUpload() override;
  void start(void* destination, const void* source, size_t bytes) override;
  void acquire() override { copied_.hold_back(compute_); }
  void release() override { free_.record(compute_); }
  bool done() override { return copied_.passed(); }
  void wait() override { copied_.wait(); }

 private:
  const CudaStream& compute_;
  const CudaStream& copies_;
  CudaEvent free_;    // in the compute stream: the destination may be overwritten
  CudaEvent copied_;  // in the copy stream
};

}  // namespace amcl::cuda
