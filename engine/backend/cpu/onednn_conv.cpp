#include "engine/backend/cpu/onednn_conv.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "engine/core/check.h"
#include "engine/core/host_memory.h"
#include "engine/core/out_of_memory.h"

namespace amcl {
namespace {

using dnnl::memory;

// A ResNet-50 has 23 different convolutions of three passes; twice that leaves room for the batch
// sizes of an evaluation.
constexpr size_t kMaxPlans = 160;

// More than oneDNN takes for a primitive and its machine code, which it writes without a look at
// whether there was memory for it.
constexpr int64_t kCodeBytes = int64_t{16} << 20;

memory::data_type type_of(DType dtype) {
  return dtype == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

memory::desc activation(int64_t images, int64_t channels, int64_t height, int64_t width,
                        DType dtype) {
  return {{images, channels, height, width}, type_of(dtype), memory::format_tag::nhwc};
}

// Runs `body` and turns oneDNN's exceptions into ours.
template <class Body>
auto with_onednn(const ConvShape& s, const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory)
      throw OutOfMemory("out of memory: oneDNN found none for a convolution");
    fail(ErrorKind::device, "conv2d: oneDNN refused x [", s.images, ", ", s.height, ", ", s.width,
         ", ", s.channels, "], w [", s.filters, ", ", s.rows, ", ", s.columns, ", ", s.channels,
         "], stride ", s.stride, ", padding ", s.padding, ": ", error.what());
  }
}

size_t round_up(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

struct OneDnnConvolutions::Library {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

struct OneDnnConvolutions::PlanKey {
  ConvPass pass;
  ConvShape shape;
  DType dtype;  // of the activations
  // Of the epilogue.
  bool bias = false;
  bool residual = false;
  bool relu = false;

  bool operator==(const PlanKey&) const = default;
};

struct OneDnnConvolutions::Plan {
  Plan(Library& library, const PlanKey& of);

  // One run: the filter is brought into the primitive's layout first, or its gradient out of it at
  // the end.
  void run(Library& library, void* x, void* w, const ConvEpilogue& epilogue, void* y,
           Scratch& scratch);

  PlanKey key;
  memory::desc x_desc;
  memory::desc y_desc;
  memory::desc plain_filter;  // [K, R, S, C]
  memory::desc filter;        // what the primitive wants
  memory::desc scratchpad;
  dnnl::primitive convolution;
  dnnl::reorder reorder;  // empty if the layouts agree
};

OneDnnConvolutions::Plan::Plan(Library& library, const PlanKey& of)
    : key(of),
      x_desc(activation(of.shape.images, of.shape.channels, of.shape.height, of.shape.width,
                        of.dtype)),
      y_desc(activation(of.shape.images, of.shape.filters, of.shape.out_height, of.shape.out_width,
                        of.dtype)) {
  const ConvShape& shape = key.shape;
  const ConvPass pass = key.pass;
  const DType dtype = key.dtype;
  const memory::dims filter_shape{shape.filters, shape.channels, shape.rows, shape.columns};
  const bool gradient = pass == ConvPass::weight_gradient;
  const memory::data_type filter_type = type_of(gradient ? stat_dtype(dtype) : dtype);
  plain_filter = {filter_shape, filter_type, memory::format_tag::ohwi};
  const memory::desc any(filter_shape, filter_type, memory::format_tag::any);
  const memory::desc forward_filter(filter_shape, type_of(dtype), memory::format_tag::any);
  const memory::dims strides{shape.stride, shape.stride};
  const memory::dims padding{shape.padding, shape.padding};
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  if (key.residual) after.append_binary(dnnl::algorithm::binary_add, y_desc);
  if (key.relu) after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  attributes.set_post_ops(after);

  const memory::desc bias =
      key.bias ? memory::desc({shape.filters}, memory::data_type::f32, memory::format_tag::x)
               : memory::desc();
  const dnnl::convolution_forward::primitive_desc forward(
      {key.bias ? dnnl::prop_kind::forward_inference : dnnl::prop_kind::forward_training, kDirect,
       x_desc, forward_filter, bias, y_desc, strides, padding, padding},
      attributes, library.engine);
  switch (pass) {
    case ConvPass::forward:
      filter = forward.weights_desc();
      scratchpad = forward.scratchpad_desc();
      convolution = dnnl::convolution_forward(forward);
      break;
    case ConvPass::data_gradient: {
      const dnnl::convolution_backward_data::primitive_desc backward(
          {kDirect, x_desc, any, y_desc, strides, padding, padding}, attributes, library.engine,
          forward);
      filter = backward.weights_desc();
      scratchpad = backward.scratchpad_desc();
      convolution = dnnl::convolution_backward_data(backward);
      break;
    }
    case ConvPass::weight_gradient: {
      const dnnl::convolution_backward_weights::primitive_desc backward(
          {kDirect, x_desc, any, y_desc, strides, padding, padding}, attributes, library.engine,
          forward);
      filter = backward.diff_weights_desc();
      scratchpad = backward.scratchpad_desc();
      convolution = dnnl::convolution_backward_weights(backward);
      break;
    }
  }
  if (filter != plain_filter) {
    reorder = dnnl::reorder(
        dnnl::reorder::primitive_desc(library.engine, gradient ? filter : plain_filter,
                                      library.engine, gradient ? plain_filter : filter));
  }
}

void OneDnnConvolutions::Plan::run(Library& library, void* x, void* w, const ConvEpilogue& epilogue,
                                   void* y, Scratch& scratch) {
  const ConvPass pass = key.pass;
  const size_t filter_bytes = reorder ? round_up(filter.get_size()) : 0;
  auto* block = static_cast<std::byte*>(scratch.bytes(filter_bytes + scratchpad.get_size()));
  memory plain(plain_filter, library.engine, w);
  memory used = reorder ? memory(filter, library.engine, block) : plain;
  memory x_memory(x_desc, library.engine, x);
  memory y_memory(y_desc, library.engine, y);
  memory pad(scratchpad, library.engine, block + filter_bytes);

  if (reorder && pass != ConvPass::weight_gradient) reorder.execute(library.stream, plain, used);
  const bool forward = pass == ConvPass::forward;
  std::unordered_map<int, memory> operands{
      {pass == ConvPass::data_gradient ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, x_memory},
      {pass == ConvPass::weight_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, used},
      {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, y_memory},
      {DNNL_ARG_SCRATCHPAD, pad}};
  if (key.bias)
    operands[DNNL_ARG_BIAS] =
        memory({{key.shape.filters}, memory::data_type::f32, memory::format_tag::x}, library.engine,
               const_cast<float*>(epilogue.nullable_bias));
  if (key.residual)
    operands[DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1] =
        memory(y_desc, library.engine, const_cast<void*>(epilogue.nullable_residual));
  convolution.execute(library.stream, operands);
  if (reorder && pass == ConvPass::weight_gradient) reorder.execute(library.stream, used, plain);
  library.stream.wait();
}

OneDnnConvolutions::OneDnnConvolutions() : library_(std::make_unique<Library>()) {}
OneDnnConvolutions::~OneDnnConvolutions() = default;

bool OneDnnConvolutions::multiplies_bf16() {
  const dnnl::cpu_isa instructions = dnnl::get_effective_cpu_isa();
  return instructions == dnnl::cpu_isa::avx512_core_bf16 ||
         instructions == dnnl::cpu_isa::avx512_core_amx;
}

OneDnnConvolutions::Plan& OneDnnConvolutions::plan(const PlanKey& key) {
  const auto found = std::find_if(plans_.begin(), plans_.end(),
                                  [&](const Plan& known) { return known.key == key; });
  if (found != plans_.end()) {
    plans_.splice(plans_.begin(), plans_, found);
  } else {
    if (plans_.size() == kMaxPlans) plans_.pop_back();
    check_address_room(kCodeBytes);
    plans_.emplace_front(*library_, key);
  }
  return plans_.front();
}

// oneDNN's memory objects take pointers to mutable data for inputs too.
void OneDnnConvolutions::forward(const ConvShape& shape, DType dtype, const void* x, const void* w,
                                 const ConvEpilogue& epilogue, void* y, Scratch& scratch) {
  with_onednn(shape, [&] {
    plan({.pass = ConvPass::forward,
          .shape = shape,
          .dtype = dtype,
          .bias = epilogue.nullable_bias != nullptr,
          .residual = epilogue.nullable_residual != nullptr,
          .relu = epilogue.relu})
        .run(*library_, const_cast<void*>(x), const_cast<void*>(w), epilogue, y, scratch);
  });
}

void OneDnnConvolutions::data_gradient(const ConvShape& shape, DType dtype, const void* dy,
                                       const void* w, void* dx, Scratch& scratch) {
  with_onednn(shape, [&] {
    plan({ConvPass::data_gradient, shape, dtype})
        .run(*library_, dx, const_cast<void*>(w), /*epilogue=*/{}, const_cast<void*>(dy), scratch);
  });
}

void OneDnnConvolutions::weight_gradient(const ConvShape& shape, DType dtype, const void* x,
                                         const void* dy, void* dw, Scratch& scratch) {
  with_onednn(shape, [&] {
    plan({ConvPass::weight_gradient, shape, dtype})
        .run(*library_, const_cast<void*>(x), dw, /*epilogue=*/{}, const_cast<void*>(dy), scratch);
  });
}

}  // namespace amcl
