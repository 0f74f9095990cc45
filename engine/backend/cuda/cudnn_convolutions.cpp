#include "engine/backend/cuda/cudnn_convolutions.h"

#include <algorithm>
#include <utility>

#include "engine/backend/cuda/alignment.h"

namespace amcl::cuda {

CudnnConvolutions::CudnnConvolutions(const EngineRules& rules) : rules_(rules) {
  AMCL_CUDNN_CALL(library_, cudnnCreate, &handle_);
}

CudnnConvolutions::~CudnnConvolutions() {
  engines_.clear();
  library_.cudnnDestroy(handle_);
}

const ConvEngine* CudnnConvolutions::engine_for(const ConvPlan& plan, int64_t alignment) {
  const std::string text = concat_text(describe(plan), ",alignment=", alignment);
  auto known = engines_.find(text);
  if (known == engines_.end()) {
    std::vector<ConvEngine> found = ConvEngines(library_, handle_, rules_).find(plan, alignment, 1);
    known = engines_.emplace(text, std::nullopt).first;
    if (!found.empty()) known->second.emplace(std::move(found.front()));
  }
  return known->second ? &*known->second : nullptr;
}

void CudnnConvolutions::run(const ConvPlan& plan, const Tensor& x, const Tensor& w, const Tensor& y,
                            cudaStream_t stream) {
  if (!try_run(plan, x, w, y, stream))
    fail(ErrorKind::device, "device cuda: ", library_.version(), " has no",
         rules_.deterministic ? " deterministic" : "", " engine for ", describe(plan));
}

bool CudnnConvolutions::try_run(const ConvPlan& plan, const Tensor& x, const Tensor& w,
                                const Tensor& y, cudaStream_t stream) {
  const ConvEngine* engine = engine_for(plan, common_alignment({x.raw(), w.raw(), y.raw()}));
  if (engine == nullptr) return false;
  AMCL_CUDNN_CALL(library_, cudnnSetStream, handle_, stream);
  Tensor workspace =
      Tensor::empty(y.device(), {std::max<int64_t>(engine->workspace_bytes, 1)}, DType::u8);
  run_engine(library_, handle_, *engine, x.raw(), w.raw(), y.raw(), workspace.raw());
  return true;
}

}  // namespace amcl::cuda
