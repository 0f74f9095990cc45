// The GPUs of the machine, and of one its stream, its memory, copies to and from it.
#pragma once
#include <cuda_runtime_api.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/backend/cuda/caching_allocator.h"
#include "engine/backend/cuda/gpu_choice.h"
#include "engine/core/device.h"

namespace amcl::cuda {

GpuSurvey find_gpus();

// Makes the GPU the calling thread's. The runtime has one for each thread, GPU 0 at first, which it takes
// new memory, events and launches for: whoever asks for one of these makes his GPU current before.
void make_current(int gpu);

class CudaStream {
 public:
  explicit CudaStream(int gpu);
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  // For work of the calling thread, whose GPU is that of the stream from here on.
  cudaStream_t get() const {
    make_current(gpu_);
    return stream_;
  }
  void synchronize() const;
  // For destructors, which a device that has failed must not stop: works from any thread, throws nothing.
  cudaStream_t handle() const { return stream_; }

 private:
  int gpu_;
  cudaStream_t stream_ = nullptr;
};

// The stream of all work, and one beside it that records work without doing it: what other threads
// give the device meanwhile is no part of the recording.
class CudaStreams {
 public:
  explicit CudaStreams(int gpu) : work_(gpu), recording_(gpu) {}
  // Where the calling thread's work goes.
  const CudaStream& current() const;
  const CudaStream& work() const { return work_; }
  const CudaStream& recording() const { return recording_; }
  // The calling thread records from now on; or nobody does.
  void start_recording() { recorder_ = std::this_thread::get_id(); }
  void stop_recording() { recorder_ = std::thread::id(); }
  bool recording_here() const { return recorder_ == std::this_thread::get_id(); }

 private:
  CudaStream work_;
  CudaStream recording_;
  std::atomic<std::thread::id> recorder_{};
};

// Work recorded by a stream, ready to be given to the device as a whole.
class CudaGraph {
 public:
  CudaGraph() = default;
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  // What `stream` records from begin() to end() is not done. Other threads and other streams go on as
  // usual. Without end() the recording is dropped.
  void begin(const CudaStream& stream);
  void end();
  void launch(const CudaStream& stream) const;

 private:
  const CudaStream* recording_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

// Page-locked memory of the host for values on their way to it, with the event that says that they have
// come. Used again when a read is over: to lock pages takes longer than a step.
class HostReads {
 public:
  HostReads();
  ~HostReads();
  std::unique_ptr<PendingRead> start(const void* source, size_t count, const CudaStream& stream);

 private:
  struct Slot;
  class Read;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> free_;
};

class CudaMemory final : public BlockSource {
 public:
  CudaMemory(int gpu, const CudaStreams& streams) : gpu_(gpu), streams_(streams) {}
  void* take(size_t bytes) override;
  void give_back(void* block) noexcept override;
  size_t free_bytes() override;
  void fill_with_nan(void* block, size_t bytes) override;

 private:
  int gpu_;
  const CudaStreams& streams_;
};

}  // namespace amcl::cuda
