// One golden file as one backend and dtype sees it: typed access to its metadata and tensors, and
// comparison of results with the stored ones. Everything that is read is remembered; what a file
// holds and nobody asked for is an error, so that nothing can be left uncompared by accident.
#pragma once
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/io/safetensors.h"

namespace amcl {

// The result differs from the file, or the file holds something unknown. Not an Error: refusals of
// the library must stay apart from those of the runner.
struct GoldenFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One way to compute: plain f64, plain f32, or a fast backend in f32.
struct GoldenRun {
  // Limits of single elements of a whole model's gradients in f32, relative to the largest of the
  // tensor (spec S12 limits their norms only). One relu that rounding decides the other way (seen
  // once in the files of another seed: |y| 2e-5 where the rms is 2) moves many elements of the layers
  // below by 1e-3 to 3.5e-2. In the files of tests/golden/cases none flips, and the largest error is
  // 4.5e-5 on plain and 1.4e-4 on cpu.
  static constexpr double kWithFlippedRelu = 3e-2;
  static constexpr double kSameRelus = 1e-3;

  Backend& backend;
  DType dtype;
  double model_gradient = kWithFlippedRelu;

  std::string name() const;
};

// Largest allowed errors (spec S12). Losses: relative to max(1, |value|). Tensors: relative to the
// largest magnitude of the tensor; one that is zero up to rounding has an absolute limit.
struct GoldenTolerance {
  double loss;
  double tensor;
};

class GoldenCase {
 public:
  GoldenCase(const SafetensorsFile& file, const GoldenRun& run);

  const GoldenRun& run() const { return run_; }

  // Metadata. The forms without a fallback need the key.
  std::string text(const std::string& key);
  std::string text(const std::string& key, const std::string& fallback);
  double number(const std::string& key);
  double number(const std::string& key, double fallback);
  int64_t integer(const std::string& key);
  int64_t integer(const std::string& key, int64_t fallback);
  bool flag(const std::string& key, bool fallback);  // 0 or 1
  bool has_key(const std::string& key) const { return file_.metadata.contains(key); }
  // Accepts keys that say something to readers only.
  void ignore_keys(std::initializer_list<const char*> keys);

  // Tensors by their full names ("in.z"). Floating ones come in the run's dtype, integers as i32.
  bool has_tensor(const std::string& name) const { return file_.tensors.contains(name); }
  Tensor tensor(const std::string& name);
  // Names that start with `prefix`, in the order of the file's table.
  std::vector<std::string> names(const std::string& prefix) const;

  // Compares; throws GoldenFailure naming tensor, place, both values and the limit. An empty
  // gradient handle (nothing reached the input) counts as zeros.
  void expect_loss(const std::string& name, const Tensor& result);
  void expect_values(const std::string& name, const Tensor& result);
  void expect_values(const std::string& name, std::span<const double> result);
  void expect_gradient(const std::string& name, const Tensor& result);
  // Sets the limits of f32 runs from here on; f64 runs keep theirs.
  void set_f32_tolerance(const GoldenTolerance& tolerance);

  // The call must be refused with an Error; a comparison then fails.
  bool expects_error() const { return file_.metadata.contains("expect_error"); }
  // Throws GoldenFailure if metadata or tensors are left that nobody asked for.
  void check_complete() const;

 private:
  // What of a file is compared (key `compare`).
  enum class Compare { all, loss_only, finite_in_f32 };

  Compare compare_mode();
  const SafetensorsEntry& entry(const std::string& name);
  void compare(const std::string& name, std::span<const double> result, bool per_element,
               double tolerance);
  bool is_zero_up_to_rounding(const std::string& name, double largest) const;

  const SafetensorsFile& file_;
  GoldenRun run_;
  GoldenTolerance tolerance_;
  std::set<std::string> used_keys_;
  std::set<std::string> used_tensors_;
  Compare compare_;
};

}  // namespace amcl
