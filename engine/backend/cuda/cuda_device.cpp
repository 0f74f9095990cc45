#include "engine/backend/cuda/cuda_device.h"

#include <utility>

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {
namespace {

// "13.0" from CUDA's 13000.
std::string version_text(int version) {
  return concat_text(version / 1000, '.', version % 1000 / 10);
}

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

GpuSurvey find_gpus() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return {"no NVIDIA driver"};
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver)
    return {concat_text("the NVIDIA driver is for CUDA ", version_text(driver),
                        ", this program needs one for ", version_text(CUDART_VERSION),
                        " or later: update it")};
  std::vector<Gpu> gpus;
  for (int number = 0; status == cudaSuccess && number < count; ++number) {
    cudaDeviceProp properties{};
    status = cudaGetDeviceProperties(&properties, number);
    gpus.push_back({properties.name, static_cast<int64_t>(properties.totalGlobalMem),
                    properties.major, properties.minor});
  }
  if (status == cudaSuccess) return {"", std::move(gpus)};
  static_cast<void>(cudaGetLastError());  // the runtime would report it again
  return {cudaGetErrorString(status)};
}

void make_current(int gpu) {
  int current = -1;
  if (cudaGetDevice(&current) == cudaSuccess && current == gpu) return;
  AMCL_CUDA_CALL(cudaSetDevice(gpu));
}

const CudaStream& CudaStreams::current() const {
  return recorder_ == std::this_thread::get_id() ? recording_ : work_;
}

CudaStream::CudaStream(int gpu) : gpu_(gpu) {
  make_current(gpu);
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
    cudaStreamEndCapture(recording_->handle(), &dropped);
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
  const cudaStream_t handle = stream.get();  // before the slot, whose event is of the same GPU
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
                                 cudaMemcpyDeviceToHost, handle));
  AMCL_CUDA_CALL(cudaEventRecord(slot->arrived, handle));
  return std::make_unique<Read>(*this, std::move(slot));
}

void* CudaMemory::take(size_t bytes) {
  make_current(gpu_);
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
  make_current(gpu_);
  size_t free = 0;
  size_t total = 0;
  AMCL_CUDA_CALL(cudaMemGetInfo(&free, &total));
  return free;
}

void CudaMemory::fill_with_nan(void* block, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemsetAsync(block, 0xff, bytes, streams_.current().get()));
}

}  // namespace amcl::cuda
