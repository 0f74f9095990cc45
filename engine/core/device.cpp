#include "engine/core/device.h"

#include "engine/core/check.h"

namespace amcl {
namespace {

class FinishedRead final : public PendingRead {
 public:
  FinishedRead(Device& device, const void* source, size_t count) : values_(count) {
    device.copy_to_host(values_.data(), source, count * sizeof(double));
  }
  const double* wait() override { return values_.data(); }

 private:
  std::vector<double> values_;
};

}  // namespace

std::unique_ptr<PendingRead> Device::read_later(const void* source, size_t count) {
  return std::make_unique<FinishedRead>(*this, source, count);
}

std::unique_ptr<CapturedWork> Device::capture(const std::function<void()>&) {
  fail(ErrorKind::internal, "device ", name(), ": work cannot be captured");
}

}  // namespace amcl
