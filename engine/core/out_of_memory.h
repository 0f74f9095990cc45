// Memory has run out, that of a device or the host's: an error of its own, because whoever knows the
// work can say how much less of it would fit.
#pragma once
#include <string>

#include "engine/core/check.h"

namespace amcl {

class OutOfMemory : public Error {
 public:
  // `facts`: whose memory, what was wanted, in use and free.
  explicit OutOfMemory(const std::string& facts)
      : Error(ErrorKind::device, facts + "; a smaller --batch or --width needs less"),
        facts_(facts) {}

  // The message without a remedy.
  const std::string& facts() const { return facts_; }

 private:
  std::string facts_;
};

}  // namespace amcl
