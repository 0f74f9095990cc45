#include "models/projection_head.h"

namespace amcl {
namespace {

int64_t hidden_width(int64_t heads, int64_t feature_dim, int64_t hidden, int64_t dim) {
  AMCL_CHECK(heads >= 1, "heads: must be at least 1, got ", heads);
  AMCL_CHECK(hidden >= 0,
             "head_hidden: must be at least 1, or 0 for the backbone's feature width, ", "got ",
             hidden);
  AMCL_CHECK(dim >= 1, "head_dim: must be at least 1, got ", dim);
  return hidden == 0 ? feature_dim : hidden;
}

}  // namespace

ProjectionHead::ProjectionHead(Initializer& initializer, int64_t heads, int64_t feature_dim,
                               int64_t hidden, int64_t dim)
    : hidden_(initializer, heads, feature_dim, hidden_width(heads, feature_dim, hidden, dim)),
      output_(initializer, heads, hidden_width(heads, feature_dim, hidden, dim), dim) {}

Tensor ProjectionHead::forward(const Tensor& features) {
  return output_.forward(relu(hidden_.forward(features)));
}

void ProjectionHead::visit(const std::string& prefix, const ModuleVisitor& visitor) {
  hidden_.visit(join(prefix, "*.0"), visitor);
  output_.visit(join(prefix, "*.2"), visitor);
}

}  // namespace amcl
