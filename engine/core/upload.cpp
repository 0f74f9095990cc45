#include "engine/core/upload.h"

#include "engine/core/device.h"

namespace amcl {
namespace {

// For a device that works while the host waits.
class UploadAtOnce final : public Upload {
 public:
  explicit UploadAtOnce(Device& device) : device_(device) {}
  void start(void* destination, const void* source, size_t bytes) override {
    device_.copy_from_host(destination, source, bytes);
  }
  void acquire() override {}
  void release() override {}
  bool done() override { return true; }
  void wait() override {}

 private:
  Device& device_;
};

}  // namespace

std::unique_ptr<Upload> Device::open_upload() {
  return std::make_unique<UploadAtOnce>(*this);
}

}  // namespace amcl
