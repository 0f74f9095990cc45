#include "engine/backend/cuda/cuda_backend.h"

#include "engine/backend/cuda/cuda_check.h"

namespace amcl::cuda {

CudaBackend::UsableDevice::UsableDevice(int number) : gpu(number) {
  if (const std::string reason = reason_against_gpu(find_gpus(), gpu); !reason.empty())
    fail(ErrorKind::device, "device ", name_of_gpu(gpu), ": ", reason);
}

// A graph with the memory that it works in. In this order: the graph goes first.
class CudaBackend::Capture final : public CapturedWork {
 public:
  explicit Capture(CudaBackend& backend)
      : backend_(backend), pool_(backend.allocator_.begin_private_pool()) {}
  ~Capture() override {
    // A replay may be under way; what it uses is about to be anybody's.
    cudaStreamSynchronize(backend_.streams_.work().handle());
  }

  void record(const std::function<void()>& work) {
    graph_.begin(backend_.streams_.recording());
    const Recorder recorder(backend_.streams_);
    work();
    graph_.end();
    backend_.allocator_.end_private_pool(*pool_);
  }
  void replay() override { graph_.launch(backend_.streams_.work()); }

 private:
  struct Recorder {
    explicit Recorder(CudaStreams& recording) : streams(recording) { streams.start_recording(); }
    ~Recorder() { streams.stop_recording(); }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    CudaStreams& streams;
  };

  CudaBackend& backend_;
  std::unique_ptr<PooledAllocator::PrivatePool> pool_;
  CudaGraph graph_;
};

CudaBackend::CudaBackend(const CudaOptions& options)
    : device_(options.gpu),
      name_(name_of_gpu(options.gpu)),
      streams_(options.gpu),
      copies_(options.gpu),
      memory_(options.gpu, streams_),
      allocator_(memory_),
      convolutions_({.deterministic = options.deterministic, .tf32 = options.tf32}) {}

CudaBackend::~CudaBackend() {
  cudaStreamSynchronize(streams_.work().handle());  // before what it works on goes
}

std::unique_ptr<CapturedWork> CudaBackend::capture(const std::function<void()>& work) {
  auto capture = std::make_unique<Capture>(*this);
  capture->record(work);
  return capture;
}

std::unique_ptr<PendingRead> CudaBackend::read_later(const void* source, size_t count) {
  if (streams_.recording_here()) refuse_in_capture("a read by the host");
  return reads_.start(source, count, streams_.work());
}

// Memory that is not pinned was read when the call returns: the runtime stages it.
void CudaBackend::copy_from_host(void* destination, const void* source, size_t bytes) {
  if (streams_.recording_here()) refuse_in_capture("a copy from the host");
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, streams_.work().get()));
}

void CudaBackend::copy_to_host(void* destination, const void* source, size_t bytes) {
  if (streams_.recording_here()) refuse_in_capture("a read by the host");
  AMCL_CUDA_CALL(
      cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, streams_.work().get()));
  synchronize();
}

void CudaBackend::copy(void* destination, const void* source, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice,
                                 streams_.current().get()));
}

void CudaBackend::fill_zero(void* destination, size_t bytes) {
  AMCL_CUDA_CALL(cudaMemsetAsync(destination, 0, bytes, streams_.current().get()));
}

void CudaBackend::synchronize() {
  if (streams_.recording_here()) refuse_in_capture("a wait");
  streams_.work().synchronize();
}

// The allocator's free blocks count too: it gives them back before it says that there is no memory.
std::optional<int64_t> CudaBackend::free_memory() {
  const MemoryUse use = allocator_.use();
  return static_cast<int64_t>(memory_.free_bytes()) + use.reserved - use.in_use;
}

std::unique_ptr<Upload> CudaBackend::open_upload() {
  make_current(device_.gpu);
  return std::make_unique<CudaUpload>(streams_.work(), copies_);
}

std::shared_ptr<void> CudaBackend::pin(void* block, size_t bytes) {
  make_current(device_.gpu);
  return std::make_shared<PinnedMemory>(block, bytes);
}

void CudaBackend::matmul(const Tensor& a, const Tensor& b, const MatmulSpec& spec, Tensor& c) {
  products_.run(a, b, spec, streams_.current().get(), c);
}

void CudaBackend::conv2d(const Tensor& x, const Tensor& w, const Conv2dSpec& spec, Tensor& y) {
  convolutions_.run(
      plan_convolution(ConvPass::forward, x.shape(), w.shape(), y.shape(), spec, x.dtype()), x, w,
      y, streams_.current().get());
}

void CudaBackend::conv2d_dx(const Tensor& dy, const Tensor& w, const Conv2dSpec& spec, Tensor& dx) {
  convolutions_.run(plan_convolution(ConvPass::input_gradient, dx.shape(), w.shape(), dy.shape(),
                                     spec, dy.dtype()),
                    dx, w, dy, streams_.current().get());
}

void CudaBackend::conv2d_dw(const Tensor& x, const Tensor& dy, const Conv2dSpec& spec, Tensor& dw) {
  ConvPlan plan = plan_convolution(ConvPass::filter_gradient, x.shape(), dw.shape(), dy.shape(),
                                   spec, x.dtype());
  if (convolutions_.try_run(plan, x, dw, dy, streams_.current().get())) return;
  // No engine writes f32 from bf16: one that rounds the sum, which is of f32 all the same.
  plan.w.dtype = x.dtype();
  Tensor rounded = Tensor::empty(*this, dw.shape(), x.dtype());
  convolutions_.run(plan, x, rounded, dy, streams_.current().get());
  cast(rounded, dw);
}

}  // namespace amcl::cuda
