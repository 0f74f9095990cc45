#include "train/commands/verify_ops.h"

#include <iomanip>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/open.h"
#include "engine/op_cases/op_cases.h"

namespace amcl {
namespace {

// The worst case of one op on one backend: the one that comes closest to its tolerance or exceeds
// it by most.
struct Worst {
  int64_t cases = 0;
  double error = 0.0;
  double tolerance = 0.0;
  std::string detail;

  bool ok() const { return error <= tolerance; }

  void consider(const OpCase& op_case, double found) {
    ++cases;
    if (cases > 1 && found * tolerance <= error * op_case.tolerance) return;
    error = found;
    tolerance = op_case.tolerance;
    detail = op_case.detail;
  }
};

void print_row(std::ostream& out, const std::string& op, const std::string& backend,
               const Worst& worst) {
  out << std::left << std::setw(21) << op << std::setw(9) << backend << std::right << std::setw(5)
      << worst.cases << std::scientific << std::setprecision(1) << std::setw(11) << worst.error
      << std::setw(11) << worst.tolerance << "  "
      << (worst.ok() ? "ok" : "FAILED at " + worst.detail) << '\n';
}

}  // namespace

int run_verify_ops(std::ostream& out) {
  const std::vector<OpCase>& cases = op_cases();
  const std::unique_ptr<Backend> plain = open_backend("plain");
  std::vector<OpEvaluation> wanted;
  for (const OpCase& op_case : cases) wanted.push_back(evaluate(op_case, *plain, DType::f64));

  out << "f32 outputs and gradients against plain f64\n"
      << "op                   backend  cases      error  tolerance\n";
  bool all_ok = true;
  for (const std::string& name : backend_names()) {
    std::unique_ptr<Backend> backend;
    try {
      backend = open_backend(name);
    } catch (const Error& error) {
      out << name << " skipped: " << error.what() << '\n';
      continue;
    }
    std::map<std::string, Worst> by_op;
    for (size_t i = 0; i < cases.size(); ++i)
      by_op[cases[i].op].consider(
          cases[i], largest_error(cases[i], evaluate(cases[i], *backend, DType::f32), wanted[i]));
    for (const auto& [op, worst] : by_op) {
      print_row(out, op, name, worst);
      all_ok = all_ok && worst.ok();
    }
  }
  out << (all_ok ? "all ops agree\n" : "some ops do not agree\n");
  return all_ok ? 0 : 1;
}

}  // namespace amcl
