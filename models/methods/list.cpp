#include "models/methods/list.h"

#include <type_traits>
#include <utility>

#include "engine/core/check.h"

namespace amcl {
namespace {

// Calls work(std::type_identity<Options>) for the options of each method.
template <class Work, class... Options>
void for_each_method(const Work& work, std::type_identity<std::variant<Options...>>) {
  (work(std::type_identity<Options>{}), ...);
}
template <class Work>
void for_each_method(const Work& work) {
  for_each_method(work, std::type_identity<MethodOptions>{});
}

[[noreturn]] void fail_unknown(const std::string& name) {
  std::string known;
  for (const std::string& one : method_names()) known += (known.empty() ? "" : ", ") + one;
  fail(ErrorKind::usage, "method: '", name, "' is not known; choose one of ", known);
}

// Some losses are made for one batch size.
void set_batch(MethodOptions& options, int64_t batch) {
  std::visit(
      [&](auto& method) {
        if constexpr (requires { method.batch; }) method.batch = batch;
      },
      options);
}

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for_each_method([&]<class Options>(std::type_identity<Options>) {
    names.emplace_back(Options::traits.name);
  });
  return names;
}

std::vector<std::string> self_supervised_names() {
  std::vector<std::string> names = method_names();
  std::erase_if(names, [](const std::string& name) { return method_traits(name).labelled; });
  return names;
}

const MethodTraits& method_traits(const std::string& name) {
  const MethodTraits* found = nullptr;
  for_each_method([&]<class Options>(std::type_identity<Options>) {
    if (name == Options::traits.name) found = &Options::traits;
  });
  if (found == nullptr) fail_unknown(name);
  return *found;
}

const MethodTraits& traits_of(const MethodOptions& options) {
  return std::visit(
      []<class Options>(const Options&) -> const MethodTraits& { return Options::traits; },
      options);
}

MethodOptions usual_method(const std::string& name, const TemperatureChoice& choice) {
  std::optional<MethodOptions> options;
  for_each_method([&]<class Options>(std::type_identity<Options>) {
    if (name == Options::traits.name) options = Options::usual(choice);
  });
  if (!options) fail_unknown(name);
  return *options;
}

CommonOptions common(const MethodOptions& options) {
  return std::visit(
      [](const auto& method) {
        return CommonOptions{method.backbone, method.projector, method.objective,
                             method.batch_norm};
      },
      options);
}

void visit_settings(MethodOptions& options, const SettingVisitor& visitor) {
  std::visit([&](auto& method) { method.visit_settings(visitor); }, options);
}

void visit_shapes(MethodOptions options, int64_t batch, const ShapeVisitor& visitor) {
  set_batch(options, batch);
  std::visit([&](const auto& method) { method.visit_shapes(visitor); }, options);
}

std::string warning_of(const MethodOptions& options) {
  return std::visit(
      [](const auto& method) -> std::string {
        if constexpr (requires { method.warning(); }) return method.warning();
        return {};
      },
      options);
}

ForwardContext training_context(const MethodOptions& options) {
  return std::visit(
      [](const auto& method) { return method.batch_norm.training_context(method.encoder_views()); },
      options);
}

std::unique_ptr<Method> make_method(MethodOptions options, Backend& backend, uint64_t seed,
                                    int64_t batch) {
  set_batch(options, batch);
  return std::visit(
      [&]<class Options>(const Options& method) -> std::unique_ptr<Method> {
        return std::make_unique<typename Options::Built>(backend, seed, method);
      },
      options);
}

}  // namespace amcl
