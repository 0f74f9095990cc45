#include "tests/golden/golden_case.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace amcl {
namespace {

constexpr GoldenTolerance kF64Tolerance{.loss = 1e-9, .tensor = 1e-9};
constexpr GoldenTolerance kF32Tolerance{.loss = 1e-5, .tensor = 5e-5};

// What is zero in one order of operations is rounding in another: tensors of the file up to
// kZero of their case's largest input are zero, and the result's rounding has these limits.
constexpr double kZero = 1e-15;
constexpr double kZeroLimitF64 = 1e-15;
constexpr double kZeroLimitF32 = 5e-7;

template <class... Parts>
[[noreturn]] void fail_golden(const Parts&... parts) {
  throw GoldenFailure(concat_text(parts...));
}

template <class Names>
std::string list(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

template <class Map>
std::vector<std::string> unused(const Map& map, const std::set<std::string>& used) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map)
    if (!used.contains(name)) names.push_back(name);
  return names;
}

double largest_magnitude(std::span<const double> values) {
  double largest = 0.0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

std::string GoldenRun::name() const {
  return concat_text(backend.name(), " ", dtype);
}

GoldenCase::GoldenCase(const SafetensorsFile& file, const GoldenRun& run)
    : file_(file),
      run_(run),
      tolerance_(run.dtype == DType::f64 ? kF64Tolerance : kF32Tolerance),
      compare_(compare_mode()) {
  ignore_keys({"format", "case", "objective", "expect_error"});
}

GoldenCase::Compare GoldenCase::compare_mode() {
  const std::string everything = "loss, per_head and all gradients";
  const std::string mode = text("compare", everything);
  if (mode == everything) return Compare::all;
  if (mode == "loss and per_head only (ties)") return Compare::loss_only;
  if (mode == "loss and gradients finite in f32; values against f64 only for an f64 build")
    return Compare::finite_in_f32;
  fail_golden("compare = '", mode, "' is not known");
}

std::string GoldenCase::text(const std::string& key) {
  const auto found = file_.metadata.find(key);
  if (found == file_.metadata.end()) fail_golden("the metadata lacks '", key, "'");
  used_keys_.insert(key);
  return found->second;
}

std::string GoldenCase::text(const std::string& key, const std::string& fallback) {
  return has_key(key) ? text(key) : fallback;
}

double GoldenCase::number(const std::string& key) {
  const std::string value = text(key);
  char* end = nullptr;
  const double result = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0') fail_golden(key, " = '", value, "' is not a number");
  return result;
}

double GoldenCase::number(const std::string& key, double fallback) {
  return has_key(key) ? number(key) : fallback;
}

int64_t GoldenCase::integer(const std::string& key) {
  const double value = number(key);
  if (value != std::floor(value) || std::abs(value) > 1e15)
    fail_golden(key, " = ", value, " is not an integer");
  return static_cast<int64_t>(value);
}

int64_t GoldenCase::integer(const std::string& key, int64_t fallback) {
  return has_key(key) ? integer(key) : fallback;
}

bool GoldenCase::flag(const std::string& key, bool fallback) {
  const int64_t value = integer(key, fallback ? 1 : 0);
  if (value != 0 && value != 1) fail_golden(key, " = ", value, " is neither 0 nor 1");
  return value == 1;
}

void GoldenCase::ignore_keys(std::initializer_list<const char*> keys) {
  used_keys_.insert(keys.begin(), keys.end());
}

const SafetensorsEntry& GoldenCase::entry(const std::string& name) {
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end()) fail_golden("the file lacks the tensor ", name);
  used_tensors_.insert(name);
  return found->second;
}

Tensor GoldenCase::tensor(const std::string& name) {
  const SafetensorsEntry& stored = entry(name);
  const Shape shape{std::span<const int64_t>(stored.shape)};
  if (stored.dtype == "I64") {
    const auto values = stored.values<int32_t>();
    return Tensor::from_host(run_.backend, shape, std::span<const int32_t>(values));
  }
  const auto values = stored.values<double>();
  return Tensor::from_host(run_.backend, shape, std::span<const double>(values), run_.dtype);
}

std::vector<std::string> GoldenCase::names(const std::string& prefix) const {
  std::vector<std::string> result;
  for (const auto& [name, stored] : file_.tensors)
    if (name.starts_with(prefix)) result.push_back(name);
  return result;
}

void GoldenCase::expect_loss(const std::string& name, const Tensor& result) {
  compare(name, result.to_host<double>(), /*per_element=*/true, tolerance_.loss);
}

void GoldenCase::expect_values(const std::string& name, const Tensor& result) {
  expect_values(name, result.to_host<double>());
}

void GoldenCase::expect_values(const std::string& name, std::span<const double> result) {
  if (compare_ == Compare::loss_only)
    used_tensors_.insert(name);
  else
    compare(name, result, /*per_element=*/false, tolerance_.tensor);
}

void GoldenCase::expect_gradient(const std::string& name, const Tensor& result) {
  if (result.defined())
    expect_values(name, result);
  else
    expect_values(name, std::vector<double>(static_cast<size_t>(entry(name).count()), 0.0));
}

void GoldenCase::set_f32_tolerance(const GoldenTolerance& tolerance) {
  if (run_.dtype == DType::f32) tolerance_ = tolerance;
}

void GoldenCase::compare(const std::string& name, std::span<const double> result, bool per_element,
                         double tolerance) {
  if (expects_error()) fail_golden("must be refused with an error, but was computed");
  const auto wanted = entry(name).values<double>();
  if (wanted.size() != result.size())
    fail_golden(name, " has ", wanted.size(), " elements, the result ", result.size());
  const bool finite_only = compare_ == Compare::finite_in_f32 && run_.dtype != DType::f64;
  const double largest = largest_magnitude(wanted);
  const double zero_limit = run_.dtype == DType::f64 ? kZeroLimitF64 : kZeroLimitF32;
  const double limit_of_all =
      is_zero_up_to_rounding(name, largest) ? zero_limit : tolerance * largest;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double limit =
        per_element ? tolerance * std::max(1.0, std::abs(wanted[i])) : limit_of_all;
    const double error = std::abs(result[i] - wanted[i]);
    if (finite_only ? std::isfinite(result[i]) : error <= limit) continue;
    std::ostringstream message;
    message.precision(10);
    message << name << '[' << i << "] is " << result[i] << ", must be " << wanted[i];
    message.precision(2);
    message << ": error " << error << ", limit " << limit;
    throw GoldenFailure(message.str());
  }
}

// The inputs are those of the same case: "c2.in.x" beside "c2.grad.x".
bool GoldenCase::is_zero_up_to_rounding(const std::string& name, double largest) const {
  const size_t kind = std::min(name.find("out."), name.find("grad."));
  double largest_input = 0.0;
  for (const std::string& input : names(name.substr(0, kind) + "in."))
    largest_input =
        std::max(largest_input, largest_magnitude(file_.tensors.at(input).values<double>()));
  return largest <= kZero * largest_input;
}

void GoldenCase::check_complete() const {
  const auto keys = unused(file_.metadata, used_keys_);
  if (!keys.empty()) fail_golden("unknown metadata: ", list(keys));
  const auto tensors = unused(file_.tensors, used_tensors_);
  if (!tensors.empty()) fail_golden("tensors that nothing was compared with: ", list(tensors));
}

}  // namespace amcl
