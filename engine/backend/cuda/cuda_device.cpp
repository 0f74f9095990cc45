#include "engine/backend/cuda/cuda_device.h"

#include <utility>

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {
namespace {

// The oldest architecture that the kernels are compiled for: A100.
constexpr int kLeastMajor = 8;

// While a thread records, the runtime refuses it cudaMalloc, which is no part of the recording and does
// not wait for the recording stream: this allows it.
class AllowedDuringCapture {
 public:
  AllowedDuringCapture() { AMCL_CUDA_CALL(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  ~AllowedDuringCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  AllowedDuringCapture(const AllowedDuringCapture&) = delete;
  AllowedDuringCapture& operator=(const AllowedDuringCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace

std::string reason_against_cuda() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "no NVIDIA driver";
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
    static_cast<void>(cudaGetLastError());  // the runtime would report it again
    return cudaGetErrorString(status);
  }
  if (count == 0) return "no GPU";
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess)
    return cudaGetErrorString(status);
  if (properties.major < kLeastMajor)
    return concat_text(properties.name, " has architecture ", properties.major, '.',
                       properties.minor, "; ", kLeastMajor, ".0 or later is needed");
  return "";
}

std::string describe_first_device() {
  cudaDeviceProp properties{};
  AMCL_CUDA_CALL(cudaGetDeviceProperties(&properties, 0));
  return concat_text(properties.name, ", ", properties.totalGlobalMem >> 30, " GiB, architecture ",
                     properties.major, '.', properties.minor);
}

const CudaStream& CudaStreams::current() const {
  return recorder_ == std::this_thread::get_id() ? recording_ : work_;
}

CudaStream::CudaStream() {
  AMCL_CUDA_CALL(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}

CudaStream::~CudaStream() {
  cudaStreamDestroy(stream_);
}

void CudaStream::synchronize() const {
  AMCL_CUDA_CALL(cudaStreamSynchronize(stream_));
}

CudaGraph::~CudaGraph() {
  if (recording_ != nullptr) {
    cudaGraph_t dropped = nullptr;
    cudaStreamEndCapture(recording_->get(), &dropped);
    if (dropped != nullptr) cudaGraphDestroy(dropped);
    static_cast<void>(cudaGetLastError());  // that it was dropped
  }
  if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
}

void CudaGraph::begin(const CudaStream& stream) {
  AMCL_CUDA_CALL(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  recording_ = &stream;
}

void CudaGraph::end() {
  cudaGraph_t graph = nullptr;
  AMCL_CUDA_CALL(cudaStreamEndCapture(std::exchange(recording_, nullptr)->get(), &graph));
  const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
  cudaGraphDestroy(graph);
  AMCL_CUDA_CALL(status);
}

void CudaGraph::launch(const CudaStream& stream) const {
  AMCL_CUDA_CALL(cudaGraphLaunch(executable_, stream.get()));
}

struct HostReads::Slot {
  explicit Slot(size_t wanted) : count(wanted) {
    AMCL_CUDA_CALL(cudaMallocHost(reinterpret_cast<void**>(&values), count * sizeof(double)));
    if (const cudaError_t status = cudaEventCreateWithFlags(&arrived, cudaEventDisableTiming);
        status != cudaSuccess) {
      cudaFreeHost(values);
      AMCL_CUDA_CALL(status);
    }
  }
  ~Slot() {
    cudaEventDestroy(arrived);
    cudaFreeHost(values);
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  size_t count;
  double* values = nullptr;
  cudaEvent_t arrived = nullptr;
};

class HostReads::Read final : public PendingRead {
 public:
  Read(HostReads& owner, std::unique_ptr<Slot> slot) : owner_(owner), slot_(std::move(slot)) {}
  ~Read() override {
    cudaEventSynchronize(slot_->arrived);  // nothing may arrive in memory that others use
    const std::lock_guard lock(owner_.mutex_);
    owner_.free_.push_back(std::move(slot_));
  }
  const double* wait() override {
    AMCL_CUDA_CALL(cudaEventSynchronize(slot_->arrived));
    return slot_->values;
  }

 private:
  HostReads& owner_;
  std::unique_ptr<Slot> slot_;
};

HostReads::HostReads() = default;
HostReads::~HostReads() = default;

std::unique_ptr<PendingRead> HostReads::start(const void* source, size_t count,
                                              const CudaStream& stream) {
  std::unique_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    for (std::unique_ptr<Slot>& one : free_) {
      if (one->count < count) continue;
      std::swap(one, free_.back());
      slot = std::move(free_.back());
      free_.pop_back();
      break;
    }
  }
  if (slot == nullptr) slot = std::make_unique<Slot>(count);
  AMCL_CUDA_CALL(cudaMemcpyAsync(slot->values, source, count * sizeof(double),
                                 cudaMemcpyDeviceToHost, stream.get()));
  AMCL_CUDA_CALL(cudaEventRecord(slot->arrived, stream.get()));
  return std::make_unique<Read>(*this, std::move(slot));
}

void* CudaMemory::take(size_t bytes) {
  const AllowedDuringCapture allowed;
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // the allocator reports it
    return nullptr;
  }
  AMCL_CUDA_CALL(status);
  return block;
}

// The allocator gives nothing back while it serves a recording: the free blocks of the common pool
// are in the private one.
void CudaMemory::give_back(void* block) noexcept {
  cudaFree(block);
}

size_t CudaMemory::free_bytes() {
  size_t free = 0;
  size_t total = 0;
  AMCL_CUDA_CALL(cudaMemGetInfo(&free, &total));
  return free;
}

void CudaMemory::fill_with_nan(void* block, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemsetAsync(block, 0xff, bytes, streams_.current().get()));
}

}  // namespace amcl::cuda
